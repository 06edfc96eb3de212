//! Reads JSON and rewrites it in the form that the Python serialisers produce.
//!
//! Anything that two readers may read differently (a repeated name, a number that no double represents, an
//! escape in a name, a lone surrogate) is not read: `None` leaves the record to the full path.

/// Deeper values are not read, to bound the stack.
const MAX_DEPTH: usize = 32;
/// Objects with more names are not read, because each name is compared with all others.
const MAX_NAMES: usize = 64;
/// Longer integers are not read, because they may not fit in 64 bits.
pub(crate) const MAX_DIGITS: usize = 18;

/// Reads one value from beginning to end.
pub struct Reader<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) at: usize,
}

/// A string that was read: its characters, and whether it was copied without changes.
pub struct Text<'a> {
    pub raw: &'a [u8],
    pub plain: bool,
}

/// The kind of a value, as far as callers need it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Null,
    Scalar,
    Text,
    Object,
    /// With this number of items.
    List(usize),
}

impl<'a> Reader<'a> {
    /// `text` must be UTF-8.
    pub fn new(text: &'a [u8]) -> Self {
        Reader { text, at: 0 }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Consumes the next byte after whitespace if it is `byte`.
    pub fn takes(&mut self, byte: u8) -> bool {
        self.skip_space();
        self.expect_here(byte).is_some()
    }

    pub fn expect(&mut self, byte: u8) -> Option<()> {
        self.takes(byte).then_some(())
    }

    /// Consumes a `null` if there is one.
    pub fn takes_null(&mut self) -> bool {
        self.skip_space();
        self.word(b"null", &mut Vec::new()).is_some()
    }

    /// Whether only whitespace is left.
    pub fn is_at_end(&mut self) -> bool {
        self.skip_space();
        self.at == self.text.len()
    }

    /// Whether another item follows. Consumes the comma, or `close`. `first`: no item was read yet.
    pub fn more(&mut self, first: bool, close: u8) -> Option<bool> {
        if self.takes(close) {
            return Some(false);
        }
        if !first {
            self.expect(b',')?;
        }
        Some(true)
    }

    /// A name and its colon. Names with escapes are not read.
    pub fn name(&mut self) -> Option<&'a [u8]> {
        let name = self.plain_text()?;
        self.expect(b':')?;
        Some(name)
    }

    /// A string without escapes, without its quotes.
    pub fn plain_text(&mut self) -> Option<&'a [u8]> {
        self.expect(b'"')?;
        let start = self.at;
        self.skip_plain();
        let run = &self.text[start..self.at];
        self.expect_here(b'"')?;
        Some(run)
    }

    /// A string, appended to `out` as JSON, and to `meaning` as plain text.
    pub fn text(&mut self, out: &mut Vec<u8>, mut meaning: Option<&mut Vec<u8>>) -> Option<Text<'a>> {
        self.expect(b'"')?;
        let start = self.at;
        let mut plain = true;
        out.push(b'"');
        loop {
            let from = self.at;
            self.skip_plain();
            out.extend_from_slice(&self.text[from..self.at]);
            if let Some(meaning) = meaning.as_deref_mut() {
                meaning.extend_from_slice(&self.text[from..self.at]);
            }
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    plain = false;
                    self.at += 1;
                    let meant = self.escape()?;
                    write_escaped(meant, out);
                    if let Some(meaning) = meaning.as_deref_mut() {
                        push_char(meant, meaning);
                    }
                }
                _ => return None, // control character
            }
        }
        let raw = &self.text[start..self.at];
        self.at += 1;
        out.push(b'"');
        Some(Text { raw, plain })
    }

    /// Any value, appended to `out`.
    pub fn value(&mut self, out: &mut Vec<u8>, depth: usize) -> Option<Kind> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.skip_space();
        match self.peek()? {
            b'"' => self.text(out, None).map(|_| Kind::Text),
            b'{' => self.object(out, depth),
            b'[' => self.list(out, depth),
            b'n' => self.word(b"null", out).map(|_| Kind::Null),
            b't' => self.word(b"true", out).map(|_| Kind::Scalar),
            b'f' => self.word(b"false", out).map(|_| Kind::Scalar),
            _ => self.number(out).map(|_| Kind::Scalar),
        }
    }

    fn object(&mut self, out: &mut Vec<u8>, depth: usize) -> Option<Kind> {
        self.expect(b'{')?;
        out.push(b'{');
        let mut names = Names::default();
        while self.more(names.is_empty(), b'}')? {
            let name = self.name()?;
            if !names.is_empty() {
                out.push(b',');
            }
            names.add(name)?;
            write_name(name, out);
            self.value(out, depth + 1)?;
        }
        out.push(b'}');
        Some(Kind::Object)
    }

    fn list(&mut self, out: &mut Vec<u8>, depth: usize) -> Option<Kind> {
        self.expect(b'[')?;
        out.push(b'[');
        let mut items = 0;
        while self.more(items == 0, b']')? {
            if items > 0 {
                out.push(b',');
            }
            self.value(out, depth + 1)?;
            items += 1;
        }
        out.push(b']');
        Some(Kind::List(items))
    }

    pub(crate) fn word(&mut self, word: &[u8], out: &mut Vec<u8>) -> Option<()> {
        if !self.text[self.at..].starts_with(word) {
            return None;
        }
        self.at += word.len();
        out.extend_from_slice(word);
        Some(())
    }

    /// An integer with at most 18 digits, or a fraction that is already the shortest text of its double.
    fn number(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let whole = self.digits();
        if whole.is_empty() || (whole.len() > 1 && whole[0] == b'0') || whole.len() > MAX_DIGITS {
            return None;
        }
        let is_negative = self.text[start] == b'-';
        if self.peek() == Some(b'.') {
            self.at += 1;
            let part = self.digits();
            if !is_shortest(whole, part) {
                return None;
            }
        } else if is_negative && whole == b"0" {
            return None;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            return None;
        }
        out.extend_from_slice(&self.text[start..self.at]);
        Some(())
    }

    pub(crate) fn digits(&mut self) -> &'a [u8] {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    pub(crate) fn skip_plain(&mut self) {
        let rest = &self.text[self.at..];
        // Eight bytes at a time, because most strings are long.
        let eights = rest.chunks_exact(8).take_while(|eight| !ends_within(eight)).count() * 8;
        let tail = &rest[eights..];
        self.at += eights + tail.iter().position(|&byte| ends_run(byte)).unwrap_or(tail.len());
    }

    fn expect_here(&mut self, byte: u8) -> Option<()> {
        let is_next = self.peek() == Some(byte);
        self.at += is_next as usize;
        is_next.then_some(())
    }

    pub(crate) fn escape(&mut self) -> Option<char> {
        let kind = self.peek()?;
        self.at += 1;
        Some(match kind {
            b'"' | b'\\' | b'/' => kind as char,
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => {
                let first = self.four_digits()?;
                let code = match first {
                    0 => return None,
                    0xD800..=0xDBFF => {
                        self.expect_here(b'\\')?;
                        self.expect_here(b'u')?;
                        let second = self.four_digits()?;
                        if !(0xDC00..=0xDFFF).contains(&second) {
                            return None;
                        }
                        0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
                    }
                    _ => first,
                };
                char::from_u32(code)?
            }
            _ => return None,
        })
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().try_fold(0, |code, &digit| Some(code << 4 | (digit as char).to_digit(16)?))
    }
}

/// The names of one object that were read so far.
#[derive(Default)]
pub struct Names<'a>(Vec<&'a [u8]>);

impl<'a> Names<'a> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `None` for a repeated name and for one too many.
    pub fn add(&mut self, name: &'a [u8]) -> Option<()> {
        if self.0.len() == MAX_NAMES || self.0.contains(&name) {
            return None;
        }
        self.0.push(name);
        Some(())
    }
}

/// Writes a name and its colon. The name needs no escapes.
pub fn write_name(name: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(name);
    out.extend_from_slice(b"\":");
}

/// Whether all serialisers write this number the same way: at most 15 significant digits, which a double
/// preserves, and no exponent.
fn is_shortest(whole: &[u8], part: &[u8]) -> bool {
    let trimmed = part == b"0" || !part.ends_with(b"0");
    let is_zero = whole == b"0" && part.iter().all(|&digit| digit == b'0');
    let not_tiny = whole != b"0" || !part.starts_with(b"000");
    !part.is_empty() && trimmed && whole.len() <= 9 && part.len() <= 6 && not_tiny && !is_zero
}

fn write_escaped(meant: char, out: &mut Vec<u8>) {
    match meant {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\t' => out.extend_from_slice(b"\\t"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\u{8}' => out.extend_from_slice(b"\\b"),
        '\u{c}' => out.extend_from_slice(b"\\f"),
        control if control < ' ' => out.extend_from_slice(format!("\\u{:04x}", control as u32).as_bytes()),
        other => push_char(other, out),
    }
}

fn push_char(meant: char, out: &mut Vec<u8>) {
    out.extend_from_slice(meant.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Whether a byte ends a run of characters that are copied unchanged.
fn ends_run(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// The same for eight bytes at once.
fn ends_within(eight: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let bytes = u64::from_le_bytes(eight.try_into().expect("eight bytes"));
    let below = |bytes: u64, bound: u64| bytes.wrapping_sub(ONES * bound) & !bytes & TOPS;
    let is = |byte: u8| below(bytes ^ (ONES * byte as u64), 1);
    below(bytes, 0x20) | is(b'"') | is(b'\\') != 0
}
