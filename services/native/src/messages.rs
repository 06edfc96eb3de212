//! Reads the columns of an audit row from a record: from its envelope, and from its value as the schema
//! describes it.

use crate::envelope::{self, is_source, is_time, is_uuid, trace_in};
use crate::job::Job;
use crate::json::Reader;
use crate::shape::{Node, Taken};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyFloat, PyInt, PyNone, PyString, PyTuple};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::panic::{catch_unwind, AssertUnwindSafe};

const MAX_HEADERS: usize = 64;
const MAX_HEADER_BYTES: usize = 16_384;
const TYPE_PREFIX: &str = "pointsman.";
/// Maximum number of slots for values of a message.
const SLOTS: usize = 24;
/// The number of fields of `MessageColumns`.
const COLUMNS: usize = 14;
/// The type of a job on the intake, which need not state it.
const SUBMITTED: &str = "job.submitted.v1";

/// A message type: its schema, and the source of each column.
struct Kind {
    name: String,
    schema: Node,
    columns: Vec<Source>,
}

/// A constant, or the first of these slots that has a value.
enum Source {
    Word(String),
    Paths(Vec<usize>),
}

/// Reads messages of the known types.
#[pyclass(frozen)]
pub struct MessageReader(Vec<Kind>);

/// A record's position: topic, partition, offset, timestamp in milliseconds.
type Position<'a> = (&'a str, i32, i64, i64);
type Header<'a> = (&'a str, &'a str);
/// Name, schema, field paths of the columns, and slots of these paths.
type Described<'py> = (String, Bound<'py, PyAny>, Vec<Vec<String>>, HashMap<String, usize>);

/// Empty for a job without headers.
#[derive(Default)]
struct Envelope<'a> {
    id: &'a str,
    source: &'a str,
    kind: &'a str,
    time: &'a str,
    causation_id: Option<&'a str>,
    trace: Option<&'a str>,
    attempt: Option<u32>,
}

enum Column<'a> {
    /// As in the message.
    Taken(Taken<'a>),
    Made(String),
}

struct Read<'a> {
    envelope: Envelope<'a>,
    columns: Vec<Column<'a>>,
    headers: String,
    digest: [u8; 32],
}

#[pymethods]
impl MessageReader {
    /// For each type: its name, its schema as for `Node::build`, its columns as in `COLUMN_PATHS`, and the slots
    /// of their paths.
    #[new]
    fn new(kinds: Vec<Described<'_>>) -> PyResult<Self> {
        let mut known = Vec::new();
        for (name, schema, columns, slots) in kinds {
            if slots.len() > SLOTS {
                return Err(PyValueError::new_err("too many paths"));
            }
            let source = |paths: &Vec<String>| match paths.first().and_then(|path| path.strip_prefix('=')) {
                Some(word) => Source::Word(word.to_owned()),
                None => Source::Paths(paths.iter().map(|path| slots[path]).collect()),
            };
            let columns = columns.iter().map(source).collect();
            known.push(Kind { name, schema: Node::build(&schema)?, columns });
        }
        Ok(MessageReader(known))
    }

    /// The row of a record: id, causation id, trace, type, source, attempt and time from the envelope,
    /// headers as JSON, the record's digest, then the columns of its type. `None` if the Python models must
    /// read it. `submitted`: the record is a job on the intake, whose columns are its id (empty if absent)
    /// and its agent.
    fn read<'py>(
        &self,
        py: Python<'py>,
        position: Position<'_>,
        key: Option<&[u8]>,
        value: &[u8],
        headers: &Bound<'py, PyTuple>,
        submitted: bool,
    ) -> Option<Bound<'py, PyTuple>> {
        let mut pairs = Vec::with_capacity(headers.len());
        for pair in headers.iter() {
            let pair = pair.cast_into::<PyTuple>().ok()?;
            let (name, content) = (pair.get_item(0).ok()?, pair.get_item(1).ok()?);
            pairs.push((name.cast_into::<PyString>().ok()?, content.cast_into::<PyBytes>().ok()?));
        }
        let mut read_headers = Vec::with_capacity(pairs.len());
        for (name, content) in &pairs {
            read_headers.push((name.to_str().ok()?, std::str::from_utf8(content.as_bytes()).ok()?));
        }
        let read = || {
            let (envelope, columns) = if submitted {
                job_in(value, &read_headers)?
            } else {
                self.message_in(value, &read_headers)?
            };
            let headers = json_of(&read_headers)?;
            Some(Read { envelope, columns, headers, digest: digest_of(position, key, value, &read_headers) })
        };
        let read = catch_unwind(AssertUnwindSafe(read)).ok()??;
        let envelope = read.envelope;
        let optional = |text: Option<&str>| text.map_or_else(|| none(py), |text| string(py, text));
        let mut row = vec![
            string(py, envelope.id),
            optional(envelope.causation_id),
            optional(envelope.trace),
            string(py, envelope.kind),
            string(py, envelope.source),
            envelope.attempt.map_or_else(|| none(py), |attempt| PyInt::new(py, attempt).into_any()),
            string(py, envelope.time),
            string(py, &read.headers),
            PyBytes::new(py, &read.digest).into_any(),
        ];
        for column in read.columns {
            row.push(match column {
                Column::Made(text) => string(py, &text),
                Column::Taken(Taken::Nothing) => none(py),
                Column::Taken(Taken::Text(text)) => string(py, std::str::from_utf8(text).ok()?),
                Column::Taken(Taken::Integer(number)) => PyInt::new(py, number).into_any(),
                Column::Taken(Taken::Float(number)) => PyFloat::new(py, number).into_any(),
            });
        }
        PyTuple::new(py, row).ok()
    }
}

impl MessageReader {
    fn message_in<'a>(
        &self,
        value: &'a [u8],
        headers: &[Header<'a>],
    ) -> Option<(Envelope<'a>, Vec<Column<'a>>)> {
        let envelope = envelope_in(headers)?;
        let kind = self.0.iter().find(|kind| kind.name == envelope.kind)?;
        std::str::from_utf8(value).ok()?;
        let mut taken = [Taken::Nothing; SLOTS];
        let mut reader = Reader::new(value);
        kind.schema.check(&mut reader, &mut taken, 0)?;
        reader.is_at_end().then_some(())?;
        let says = |slot: &&usize| !matches!(taken[**slot], Taken::Nothing | Taken::Text(b""));
        let of = |source: &Source| match source {
            Source::Word(word) => Column::Made(word.clone()),
            Source::Paths(paths) => {
                let slot = paths.iter().find(says).or(paths.last());
                Column::Taken(slot.map_or(Taken::Nothing, |slot| taken[*slot]))
            }
        };
        Some((envelope, kind.columns.iter().map(of).collect()))
    }
}

/// A job as `bus/codec/intake.py` accepts it: without headers, or with those of `pointsman.client`.
fn job_in<'a>(value: &[u8], headers: &[Header<'a>]) -> Option<(Envelope<'a>, Vec<Column<'a>>)> {
    let mut job = Job::default();
    job.read(value, &[])?;
    let mut envelope = Envelope { kind: SUBMITTED, ..Envelope::default() };
    if !headers.is_empty() {
        let raw: Vec<_> =
            headers.iter().map(|(name, text)| (name.as_bytes(), Some(text.as_bytes()))).collect();
        let read = envelope::Envelope::read(&raw)?;
        (read.agent_id == job.agent_id && read.job_id == job.job_id).then_some(())?;
        envelope = envelope_in(headers)?;
    }
    let mut columns = Vec::with_capacity(COLUMNS);
    for text in [job.job_id, job.agent_id] {
        columns.push(Column::Made(String::from_utf8(text).ok()?));
    }
    columns.resize_with(COLUMNS, || Column::Taken(Taken::Nothing));
    Some((envelope, columns))
}

fn none(py: Python<'_>) -> Bound<'_, PyAny> {
    PyNone::get(py).to_owned().into_any()
}

fn string<'py>(py: Python<'py>, text: &str) -> Bound<'py, PyAny> {
    PyString::new(py, text).into_any()
}

/// The envelope, in the form that pointsman writes; `None` for any other.
fn envelope_in<'a>(headers: &[Header<'a>]) -> Option<Envelope<'a>> {
    let size: usize = headers.iter().map(|(name, value)| name.chars().count() + value.len()).sum();
    (headers.len() <= MAX_HEADERS && size <= MAX_HEADER_BYTES).then_some(())?;
    let mut envelope = Envelope::default();
    let mut version = "";
    for (at, (name, value)) in headers.iter().enumerate() {
        if !name.starts_with("ce_") && *name != "traceparent" {
            continue;
        }
        headers[..at].iter().all(|(before, _)| before != name).then_some(())?;
        let id = || is_uuid(value.as_bytes()).then_some(*value);
        match *name {
            "ce_specversion" => version = value,
            "ce_id" => envelope.id = id()?,
            "ce_source" => envelope.source = is_source(value.as_bytes()).then_some(*value)?,
            "ce_type" => envelope.kind = value.strip_prefix(TYPE_PREFIX)?,
            "ce_time" => envelope.time = is_time(value.as_bytes()).then_some(*value)?,
            "ce_jobid" => id().map(|_| ())?,
            "ce_causationid" => envelope.causation_id = Some(id()?),
            "ce_attempt" => {
                let is_count =
                    (1..=6).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
                envelope.attempt = Some(is_count.then_some(*value)?.parse().ok()?);
            }
            "traceparent" => envelope.trace = Some(std::str::from_utf8(trace_in(value.as_bytes())?).ok()?),
            "ce_datasubject" => is_source(value.as_bytes()).then_some(())?,
            _ => {}
        }
    }
    let is_whole =
        version == "1.0" && ![envelope.id, envelope.source, envelope.kind, envelope.time].contains(&"");
    is_whole.then_some(envelope)
}

/// The same as `header_pairs`; `None` if a header cannot be written unchanged.
fn json_of(headers: &[Header<'_>]) -> Option<String> {
    let mut out = String::with_capacity(1024);
    out.push('[');
    for (at, (name, value)) in headers.iter().enumerate() {
        let is_plain = |text: &str| !text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\');
        (is_plain(name) && is_plain(value)).then_some(())?;
        out.push_str(if at == 0 { "[\"" } else { ",[\"" });
        out.push_str(name);
        out.push_str("\",\"");
        out.push_str(value);
        out.push_str("\"]");
    }
    out.push(']');
    Some(out)
}

/// The same bytes as in `store/append/record.py`.
fn digest_of(position: Position<'_>, key: Option<&[u8]>, value: &[u8], headers: &[Header<'_>]) -> [u8; 32] {
    let (topic, partition, offset, timestamp_ms) = position;
    let mut head = Vec::with_capacity(1024);
    head.extend_from_slice(b"pointsman record 1\n");
    put(&mut head, topic.as_bytes());
    head.extend_from_slice(&partition.to_be_bytes());
    head.extend_from_slice(&offset.to_be_bytes());
    head.extend_from_slice(&timestamp_ms.to_be_bytes());
    match key {
        None => head.extend_from_slice(&(-1i32).to_be_bytes()),
        Some(key) => put(&mut head, key),
    }
    head.extend_from_slice(&(value.len() as i32).to_be_bytes());
    let mut tail = Vec::with_capacity(1024);
    tail.extend_from_slice(&(headers.len() as u32).to_be_bytes());
    for (name, content) in headers {
        put(&mut tail, name.as_bytes());
        put(&mut tail, content.as_bytes());
    }
    Sha256::new().chain_update(head).chain_update(value).chain_update(tail).finalize().into()
}

fn put(out: &mut Vec<u8>, part: &[u8]) {
    out.extend_from_slice(&(part.len() as i32).to_be_bytes());
    out.extend_from_slice(part);
}
