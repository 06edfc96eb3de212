//! Reads an ordinary job from a record's value: a plain job, as `bus/codec/intake.py` reads it, or a
//! `job.submitted.v1`.

use crate::envelope::is_uuid;
use crate::json::{write_name, Kind, Names, Reader};

/// Field names that are not parameters of the request.
const UNUSUAL: [&[u8]; 3] = [b"version", b"schema_version", b"specversion"];
/// The message type of a submitted job.
const TYPE: &[u8] = b"job.submitted.v1";
/// The metadata field that names a person.
const SUBJECT: &[u8] = b"data_subject";

/// A job as pieces of JSON. One object is reused for all records.
#[derive(Default)]
pub struct Job {
    /// The publisher's job id; empty if there is none.
    pub job_id: Vec<u8>,
    pub agent_id: Vec<u8>,
    /// As JSON: a string with quotes, or `null`.
    pub kind: Vec<u8>,
    pub tier: Vec<u8>,
    pub metadata: Vec<u8>,
    /// The value of each metadata field that a rule uses; empty if absent.
    pub looked_at: Vec<Vec<u8>>,
    messages: Vec<u8>,
    rest: Vec<u8>,
    /// The text of all messages, one line each.
    pub text: Vec<u8>,
    pub chars: usize,
    pub turns: usize,
    tools: usize,
    functions: usize,
    /// The type of `response_format`; empty if absent.
    pub form: Vec<u8>,
}

impl Job {
    /// `None` if the full path must read the record. The fields are then meaningless.
    pub fn read(&mut self, value: &[u8], metadata_names: &[Vec<u8>]) -> Option<()> {
        self.clear(metadata_names.len());
        std::str::from_utf8(value).ok()?;
        let mut reader = Reader::new(value);
        reader.expect(b'{')?;
        let mut names = Names::default();
        let (mut is_flat, mut is_nested) = (false, false);
        while reader.more(names.is_empty(), b'}')? {
            let name = reader.name()?;
            names.add(name)?;
            match name {
                b"agent_id" => self.agent_id.extend_from_slice(reader.plain_text()?),
                b"job_id" => read_id(&mut reader, &mut self.job_id)?,
                b"kind" => read_name(&mut reader, &mut self.kind, is_kind)?,
                b"tier" => read_name(&mut reader, &mut self.tier, is_tier)?,
                b"metadata" => self.read_metadata(&mut reader, metadata_names)?,
                b"type" => (reader.plain_text()? == TYPE).then_some(())?,
                b"deadline" | b"order_key" => reader.takes_null().then_some(())?,
                b"request" => {
                    is_nested = true;
                    self.read_request(&mut reader)?;
                }
                _ if UNUSUAL.contains(&name) => return None,
                b"prompt" if self.turns == 0 => {
                    is_flat = true;
                    self.read_prompt(&mut reader)?;
                }
                _ => {
                    is_flat = true;
                    self.read_parameter(name, &mut reader)?;
                }
            }
        }
        let is_whole =
            reader.is_at_end() && self.turns > 0 && is_flat != is_nested && is_agent(&self.agent_id);
        is_whole.then_some(())
    }

    /// The JSON of the routed job. The request is its last field.
    pub fn write(&self, job_id: &[u8], out: &mut Vec<u8>) {
        for piece in [
            b"{\"job_id\":\"",
            job_id,
            b"\",\"agent_id\":\"",
            &self.agent_id,
            b"\",\"kind\":",
            &self.kind,
            b",\"tier\":",
            &self.tier,
            b",\"metadata\":",
            &self.metadata,
            b",\"deadline\":null,\"order_key\":null,\"request\":{\"messages\":",
            &self.messages,
            &self.rest,
            b"}}",
        ] as [&[u8]; 14]
        {
            out.extend_from_slice(piece);
        }
    }

    fn clear(&mut self, names: usize) {
        for part in [
            &mut self.job_id,
            &mut self.agent_id,
            &mut self.kind,
            &mut self.tier,
            &mut self.metadata,
            &mut self.messages,
            &mut self.rest,
            &mut self.text,
            &mut self.form,
        ] {
            part.clear();
        }
        self.kind.extend_from_slice(b"null");
        self.tier.extend_from_slice(b"null");
        self.metadata.extend_from_slice(b"{}");
        self.looked_at.resize(names, Vec::new());
        self.looked_at.iter_mut().for_each(Vec::clear);
        (self.chars, self.turns, self.tools, self.functions) = (0, 0, 0, 0);
    }

    /// Number of tools that the model may use, under either name.
    pub fn tools(&self) -> usize {
        if self.tools > 0 {
            self.tools
        } else {
            self.functions
        }
    }

    fn read_metadata(&mut self, reader: &mut Reader, looked_at: &[Vec<u8>]) -> Option<()> {
        if reader.takes_null() {
            return Some(());
        }
        reader.expect(b'{')?;
        self.metadata.truncate(1);
        let mut names = Names::default();
        while reader.more(names.is_empty(), b'}')? {
            let name = reader.name()?;
            if !names.is_empty() {
                self.metadata.push(b',');
            }
            names.add(name)?;
            write_name(name, &mut self.metadata);
            let start = self.metadata.len();
            let kind = reader.value(&mut self.metadata, 1)?;
            if name == SUBJECT || matches!(kind, Kind::Object | Kind::List(_)) {
                return None;
            }
            if let Some(at) = looked_at.iter().position(|known| known == name) {
                self.looked_at[at].extend_from_slice(&self.metadata[start..]);
            }
        }
        self.metadata.push(b'}');
        Some(())
    }

    /// The request of a `job.submitted.v1`.
    fn read_request(&mut self, reader: &mut Reader) -> Option<()> {
        reader.expect(b'{')?;
        let mut names = Names::default();
        while reader.more(names.is_empty(), b'}')? {
            let name = reader.name()?;
            names.add(name)?;
            self.read_parameter(name, reader)?;
        }
        Some(())
    }

    fn read_parameter(&mut self, name: &[u8], reader: &mut Reader) -> Option<()> {
        match name {
            b"messages" if self.turns == 0 => return self.read_messages(reader),
            b"messages" | b"prompt" => return None,
            _ => {}
        }
        self.rest.push(b',');
        write_name(name, &mut self.rest);
        match name {
            b"tools" => self.tools = read_tools(reader, &mut self.rest)?,
            b"functions" => self.functions = read_tools(reader, &mut self.rest)?,
            b"response_format" => self.read_form(reader)?,
            _ => {
                reader.value(&mut self.rest, 2)?;
            }
        }
        Some(())
    }

    fn read_prompt(&mut self, reader: &mut Reader) -> Option<()> {
        self.messages.extend_from_slice(b"[{\"role\":\"user\",\"content\":");
        reader.text(&mut self.messages, Some(&mut self.text))?;
        self.messages.extend_from_slice(b"}]");
        (self.chars, self.turns) = (count_chars(&self.text), 1);
        holds_ink(&self.text).then_some(())
    }

    /// Messages with `role` and `content`, in this order.
    fn read_messages(&mut self, reader: &mut Reader) -> Option<()> {
        reader.expect(b'[')?;
        while reader.more(self.turns == 0, b']')? {
            if self.turns > 0 {
                self.text.push(b'\n');
            }
            self.messages.push(if self.turns == 0 { b'[' } else { b',' });
            reader.expect(b'{')?;
            (reader.name()? == b"role").then_some(())?;
            self.messages.extend_from_slice(b"{\"role\":");
            let role = reader.text(&mut self.messages, None)?;
            (role.plain && (1..=32).contains(&count_chars(role.raw))).then_some(())?;
            reader.expect(b',')?;
            (reader.name()? == b"content").then_some(())?;
            self.messages.extend_from_slice(b",\"content\":");
            let start = self.text.len();
            reader.text(&mut self.messages, Some(&mut self.text))?;
            self.chars += count_chars(&self.text[start..]);
            reader.expect(b'}')?;
            self.messages.push(b'}');
            self.turns += 1;
        }
        self.messages.push(b']');
        (self.turns > 0).then_some(())
    }

    /// The type of `response_format`, given as a string or in an object.
    fn read_form(&mut self, reader: &mut Reader) -> Option<()> {
        let start = self.rest.len();
        match reader.value(&mut self.rest, 1)? {
            Kind::Null => return Some(()),
            Kind::Text => self.form.extend_from_slice(unquoted(&self.rest[start..])?),
            Kind::Object => {
                let written = self.rest[start..].to_vec();
                let form = type_in(&written)?;
                self.form.extend_from_slice(form);
            }
            _ => return None,
        }
        // An empty type still counts as a response format, but an empty `form` means that there is none.
        (1..=32).contains(&self.form.len()).then_some(())?;
        if self.form == b"text" {
            self.form.clear();
        }
        Some(())
    }
}

fn read_id(reader: &mut Reader, into: &mut Vec<u8>) -> Option<()> {
    if reader.takes_null() {
        return Some(());
    }
    let id = reader.plain_text()?;
    into.extend_from_slice(id);
    is_uuid(id).then_some(())
}

fn read_name(reader: &mut Reader, into: &mut Vec<u8>, fits: fn(&[u8]) -> bool) -> Option<()> {
    into.clear();
    if reader.value(into, 1)? == Kind::Null {
        return Some(());
    }
    fits(unquoted(into)?).then_some(())
}

/// The length of a list of tools; `None` for anything else.
fn read_tools(reader: &mut Reader, out: &mut Vec<u8>) -> Option<usize> {
    match reader.value(out, 1)? {
        Kind::Null => Some(0),
        Kind::List(tools) => Some(tools),
        _ => None,
    }
}

/// The value of `type` in an object that was already rewritten.
fn type_in(written: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(written);
    reader.expect(b'{')?;
    let (mut first, mut passed) = (true, Vec::new());
    while reader.more(first, b'}')? {
        if reader.name()? == b"type" {
            return reader.plain_text();
        }
        reader.value(&mut passed, 2)?;
        first = false;
    }
    None
}

/// The content of a JSON string without escapes; `None` for anything else.
fn unquoted(written: &[u8]) -> Option<&[u8]> {
    let inside = written.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    (!inside.contains(&b'\\')).then_some(inside)
}

fn is_agent(id: &[u8]) -> bool {
    (1..=128).contains(&id.len())
        && id[0].is_ascii_alphanumeric()
        && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._:@/-".contains(byte))
}

fn is_tier(name: &[u8]) -> bool {
    let letter = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'z');
    (1..=32).contains(&name.len())
        && letter(&name[0])
        && name.iter().all(|byte| letter(byte) || *byte == b'-')
}

fn is_kind(name: &[u8]) -> bool {
    (1..=64).contains(&count_chars(name))
}

/// Whether there is anything except whitespace. A text with only control characters is left to the full
/// path.
fn holds_ink(text: &[u8]) -> bool {
    text.iter().any(|byte| (0x21..0x7f).contains(byte))
        || std::str::from_utf8(text)
            .is_ok_and(|text| text.chars().any(|character| character > '\x7f' && !character.is_whitespace()))
}

/// Number of characters in UTF-8 bytes.
pub fn count_chars(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| byte & 0xC0 != 0x80).count()
}
