//! Checks a message's value against its schema, which `audit/records/schemas.py` derives from the models.
//!
//! It takes the column values of messages that are certainly valid and leaves all others to the models.

use crate::envelope::{is_time, is_uuid};
use crate::json::Reader;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// Deeper values are not read, to bound the stack.
const MAX_DEPTH: usize = 32;
/// Maximum number of fields of an object: one bit each.
const MAX_FIELDS: usize = 64;
/// Longer amounts are not read.
const MAX_AMOUNT: usize = 24;

/// What a value may be.
pub enum Node {
    /// Any value.
    Any,
    /// Unknown to this reader: left to the models.
    Never,
    Null,
    Bool,
    Uuid,
    Time,
    /// A decimal number as a string, without an exponent.
    Amount,
    /// Minimum and maximum number of characters.
    Text(usize, usize),
    /// ASCII: characters allowed first, characters allowed after it, and maximum length.
    Form(Vec<u8>, Vec<u8>, usize),
    Words(Vec<Vec<u8>>),
    Integer(i64, i64),
    Number(f64, f64),
    List(Box<Node>, usize, usize),
    /// Any names, up to this number.
    Map(Box<Node>, usize),
    /// `open`: other names are allowed.
    Object(Vec<Field>, bool),
    Union(Vec<Node>),
}

/// A field of an object. Its value goes into the column `slot`, if it has one.
pub struct Field {
    name: Vec<u8>,
    node: Node,
    required: bool,
    slot: Option<usize>,
}

/// A column's value as in the message.
#[derive(Clone, Copy, Default)]
pub enum Taken<'a> {
    #[default]
    Nothing,
    Text(&'a [u8]),
    Integer(i64),
    Float(f64),
}

impl Node {
    /// Builds a node from nested tuples: the kind, then its parameters.
    pub fn build(schema: &Bound<'_, PyAny>) -> PyResult<Node> {
        let parts = schema.cast::<PyTuple>()?;
        let kind: String = parts.get_item(0)?.extract()?;
        let inner = |at: usize| Node::build(&parts.get_item(at)?).map(Box::new);
        let number = |at: usize| parts.get_item(at)?.extract::<usize>();
        Ok(match kind.as_str() {
            "any" => Node::Any,
            "never" => Node::Never,
            "null" => Node::Null,
            "bool" => Node::Bool,
            "uuid" => Node::Uuid,
            "time" => Node::Time,
            "amount" => Node::Amount,
            "text" => Node::Text(number(1)?, number(2)?),
            "form" => Node::Form(parts.get_item(1)?.extract()?, parts.get_item(2)?.extract()?, number(3)?),
            "words" => Node::Words(parts.get_item(1)?.extract()?),
            "integer" => Node::Integer(parts.get_item(1)?.extract()?, parts.get_item(2)?.extract()?),
            "number" => Node::Number(parts.get_item(1)?.extract()?, parts.get_item(2)?.extract()?),
            "list" => Node::List(inner(1)?, number(2)?, number(3)?),
            "map" => Node::Map(inner(1)?, number(2)?),
            "object" => {
                let fields = parts.get_item(1)?.try_iter()?.map(|field| Field::build(&field?));
                let fields = fields.collect::<PyResult<Vec<_>>>()?;
                if fields.len() > MAX_FIELDS {
                    return Ok(Node::Never);
                }
                Node::Object(fields, parts.get_item(2)?.extract()?)
            }
            "union" => {
                let nodes = parts.get_item(1)?.try_iter()?.map(|node| Node::build(&node?));
                Node::Union(nodes.collect::<PyResult<Vec<_>>>()?)
            }
            other => return Err(PyValueError::new_err(format!("no such schema: {other}"))),
        })
    }

    /// Skips a value that certainly matches this schema; `None` if it may not.
    pub fn check<'a>(&self, reader: &mut Reader<'a>, taken: &mut [Taken<'a>], depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self {
            Node::Any => any(reader, depth),
            Node::Never => None,
            Node::Null => reader.takes_null().then_some(()),
            Node::Bool => reader.takes_bool().then_some(()),
            Node::Uuid => is_uuid(reader.plain_text()?).then_some(()),
            Node::Time => is_moment(reader.plain_text()?).then_some(()),
            Node::Amount => is_amount(reader.plain_text()?).then_some(()),
            Node::Text(least, most) => {
                let raw = reader.skip_text()?;
                // Escapes have more bytes than characters, so strings with a length limit must have none.
                let unbounded = *least == 0 && *most >= raw.len();
                let length = || std::str::from_utf8(raw).map_or(0, |text| text.chars().count());
                (unbounded || (!raw.contains(&b'\\') && (*least..=*most).contains(&length()))).then_some(())
            }
            Node::Form(first, rest, most) => {
                let text = reader.plain_text()?;
                let (head, tail) = text.split_first()?;
                let fits = text.len() <= *most && first.contains(head);
                (fits && tail.iter().all(|byte| rest.contains(byte))).then_some(())
            }
            Node::Words(words) => {
                let text = reader.plain_text()?;
                words.iter().any(|word| word == text).then_some(())
            }
            Node::Integer(least, most) => (*least..=*most).contains(&reader.integer()?).then_some(()),
            Node::Number(least, most) => (*least..=*most).contains(&reader.decimal()?).then_some(()),
            Node::List(item, least, most) => {
                reader.expect(b'[')?;
                let mut items = 0;
                while reader.more(items == 0, b']')? {
                    item.check(reader, taken, depth + 1)?;
                    items += 1;
                }
                (*least..=*most).contains(&items).then_some(())
            }
            Node::Map(item, most) => {
                reader.expect(b'{')?;
                let mut names = crate::json::Names::default();
                let mut count = 0;
                while reader.more(names.is_empty(), b'}')? {
                    names.add(reader.name()?)?;
                    item.check(reader, taken, depth + 1)?;
                    count += 1;
                }
                (count <= *most).then_some(())
            }
            Node::Object(fields, open) => object(fields, *open, reader, taken, depth),
            Node::Union(nodes) => {
                let first = reader.next_byte()?;
                let at = reader.place();
                nodes.iter().filter(|node| node.may_begin(first)).find_map(|node| {
                    reader.go_back(at);
                    node.check(reader, taken, depth)
                })
            }
        }
    }

    fn may_begin(&self, byte: u8) -> bool {
        match self {
            Node::Any | Node::Union(_) => true,
            Node::Never => false,
            Node::Null => byte == b'n',
            Node::Bool => matches!(byte, b't' | b'f'),
            Node::Uuid | Node::Time | Node::Amount | Node::Text(..) | Node::Form(..) | Node::Words(_) => {
                byte == b'"'
            }
            Node::Integer(..) | Node::Number(..) => matches!(byte, b'-' | b'0'..=b'9'),
            Node::List(..) => byte == b'[',
            Node::Map(..) | Node::Object(..) => byte == b'{',
        }
    }

    fn is_float(&self) -> bool {
        match self {
            Node::Number(..) => true,
            Node::Union(nodes) => nodes.iter().any(Node::is_float),
            _ => false,
        }
    }
}

impl Field {
    fn build(field: &Bound<'_, PyAny>) -> PyResult<Field> {
        let (name, node, required, slot): (Vec<u8>, Bound<'_, PyAny>, bool, Option<usize>) =
            field.extract()?;
        Ok(Field { name, node: Node::build(&node)?, required, slot })
    }

    fn take<'a>(&self, raw: &'a [u8]) -> Option<Taken<'a>> {
        Some(match raw.first()? {
            b'n' => Taken::Nothing,
            b'"' if !raw.contains(&b'\\') => Taken::Text(&raw[1..raw.len() - 1]),
            b'-' | b'0'..=b'9' if self.node.is_float() => {
                Taken::Float(std::str::from_utf8(raw).ok()?.parse().ok()?)
            }
            // A value that does not fit the four bytes of its column becomes null; the models decide that.
            b'-' | b'0'..=b'9' => {
                Taken::Integer(i64::from(std::str::from_utf8(raw).ok()?.parse::<i32>().ok()?))
            }
            _ => return None,
        })
    }
}

fn object<'a>(
    fields: &[Field],
    open: bool,
    reader: &mut Reader<'a>,
    taken: &mut [Taken<'a>],
    depth: usize,
) -> Option<()> {
    reader.expect(b'{')?;
    let (mut seen, mut next, mut is_first) = (0u64, 0, true);
    while reader.more(is_first, b'}')? {
        is_first = false;
        let name = reader.name()?;
        // Fields usually come in the schema's order.
        let place = (next..fields.len()).chain(0..next).find(|at| fields[*at].name == name);
        let Some(place) = place else {
            // `name` does not read names with escapes, which may be one of these fields.
            open.then_some(())?;
            any(reader, depth + 1)?;
            continue;
        };
        let field = &fields[place];
        next = place + 1;
        (seen & 1 << place == 0).then_some(())?;
        seen |= 1 << place;
        reader.next_byte()?;
        let start = reader.place();
        field.node.check(reader, taken, depth + 1)?;
        if let Some(slot) = field.slot {
            taken[slot] = field.take(reader.since(start))?;
        }
    }
    let is_there = |(at, field): (usize, &Field)| !field.required || seen & 1 << at != 0;
    fields.iter().enumerate().all(is_there).then_some(())
}

/// A value that every reader accepts. Names may repeat, because they are not read here.
fn any(reader: &mut Reader<'_>, depth: usize) -> Option<()> {
    if depth > MAX_DEPTH {
        return None;
    }
    match reader.next_byte()? {
        b'"' => reader.skip_text().map(|_| ()),
        b'n' => reader.takes_null().then_some(()),
        b't' | b'f' => reader.takes_bool().then_some(()),
        b'{' => {
            reader.expect(b'{')?;
            let mut is_first = true;
            while reader.more(is_first, b'}')? {
                is_first = false;
                reader.skip_space();
                reader.skip_text()?;
                reader.expect(b':')?;
                any(reader, depth + 1)?;
            }
            Some(())
        }
        b'[' => {
            reader.expect(b'[')?;
            let mut is_first = true;
            while reader.more(is_first, b']')? {
                is_first = false;
                any(reader, depth + 1)?;
            }
            Some(())
        }
        _ => reader.decimal().map(|_| ()),
    }
}

/// A time with six fractional digits or none, as the models write it.
fn is_moment(text: &[u8]) -> bool {
    match text.strip_suffix(b"Z") {
        Some(whole) if whole.len() == 19 => is_time(&[whole, b".000000Z"].concat()),
        _ => is_time(text),
    }
}

/// `12.50`, as `numeric` stores it.
fn is_amount(text: &[u8]) -> bool {
    let (whole, part) = match text.iter().position(|byte| *byte == b'.') {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &b"0"[..]),
    };
    let digits = |run: &[u8]| !run.is_empty() && run.iter().all(u8::is_ascii_digit);
    text.len() <= MAX_AMOUNT && digits(whole) && digits(part)
}
