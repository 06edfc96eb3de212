//! The records of a batch, as separate buffers or inside Kafka record batches (record format 2).

use crate::envelope::{Envelope, Header, DATAREF, HEADERS, SIGNED_HEADERS};
use pyo3::pybacked::PyBackedBytes;
use std::ops::Range;

/// A consumed record. `value` is `None` if the headers are not a supported `envelope`.
pub struct Record<'a> {
    pub offset: i64,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub envelope: Option<Envelope<'a>>,
    /// The broker's append time in milliseconds since 1970; `None` if the topic uses the producer's time.
    pub taken_ms: Option<i64>,
}

/// A byte range: index of the buffer, and range within it.
type Span = (usize, Range<usize>);

/// A record as byte ranges in the buffers.
struct Placed {
    offset: i64,
    key: Option<Span>,
    value: Option<Span>,
    /// Envelope: id, agent, job, trace, time; then the signature.
    envelope: Option<([Span; 5], Option<Span>)>,
    taken_ms: Option<i64>,
}

/// The records to route. Python's buffers are kept until the next batch.
#[derive(Default)]
pub struct Batch {
    buffers: Vec<PyBackedBytes>,
    placed: Vec<Placed>,
    times: Vec<(i64, u64)>,
}

impl Batch {
    pub fn clear(&mut self) {
        self.placed.clear();
        self.times.clear();
        self.buffers.clear();
    }

    pub fn len(&self) -> usize {
        self.placed.len()
    }

    /// Append times of records from Kafka batches: milliseconds since 1970, and the number of consecutive
    /// records.
    pub fn times(&self) -> &[(i64, u64)] {
        &self.times
    }

    /// Adds a record without an envelope.
    pub fn take(&mut self, offset: i64, key: PyBackedBytes, value: PyBackedBytes) {
        let [key, value] = [key, value].map(|bytes| {
            let span = (self.buffers.len(), 0..bytes.len());
            self.buffers.push(bytes);
            Some(span)
        });
        self.placed.push(Placed { offset, key, value, envelope: None, taken_ms: None });
    }

    pub fn record(&self, at: usize) -> Record<'_> {
        let placed = &self.placed[at];
        let bytes = |(buffer, part): &Span| &self.buffers[*buffer][part.clone()];
        let envelope = placed.envelope.as_ref().map(|(spans, signature)| {
            let [id, agent_id, job_id, trace, time] = spans.each_ref().map(bytes);
            Envelope { id, agent_id, job_id, trace, time, signature: signature.as_ref().map(bytes) }
        });
        Record {
            offset: placed.offset,
            key: placed.key.as_ref().map(bytes),
            value: placed.value.as_ref().map(bytes),
            envelope,
            taken_ms: placed.taken_ms,
        }
    }

    /// Adds the `count` records of a Kafka batch, decompressed and without its header, which has the offset
    /// and the time of the first record. `taken_ms` is the append time of all of them, if the broker set
    /// it.
    ///
    /// Returns `None` if a value is in a store or anything is malformed. The records added so far must then
    /// be discarded.
    pub fn read(
        &mut self,
        content: PyBackedBytes,
        first: i64,
        first_ms: i64,
        count: usize,
        taken_ms: Option<i64>,
    ) -> Option<()> {
        let buffer = self.buffers.len();
        let start = content.as_ptr() as usize;
        let span = |part: &[u8]| {
            let from = part.as_ptr() as usize - start;
            (buffer, from..from + part.len())
        };
        let mut rest = Reader(&content);
        let mut next = first;
        for _ in 0..count {
            let size = rest.varint()?;
            let mut record = Reader(rest.take(size)?);
            record.take(1)?; // attributes, always 0
            let own_ms = first_ms.checked_add(record.varint()?)?;
            let at_ms = taken_ms.unwrap_or(own_ms);
            let offset = first.checked_add(record.varint()?)?;
            if offset < next {
                return None;
            }
            next = offset.checked_add(1)?;
            let key = record.sized()?;
            let value = record.sized()?;
            let headers = record.headers()?;
            if !record.0.is_empty() {
                return None;
            }
            match self.times.last_mut() {
                Some((last_ms, together)) if *last_ms == at_ms => *together += 1,
                _ => self.times.push((at_ms, 1)),
            }
            let (value, envelope) = match headers {
                Headers::None => (value, None),
                Headers::Envelope(envelope) => {
                    let parts =
                        [envelope.id, envelope.agent_id, envelope.job_id, envelope.trace, envelope.time];
                    (value, Some((parts.map(span), envelope.signature.map(span))))
                }
                Headers::Other => (None, None), // left to the full path
            };
            let (key, value) = (key.map(span), value.map(span));
            self.placed.push(Placed { offset, key, value, envelope, taken_ms });
        }
        rest.0.is_empty().then_some(())?;
        self.buffers.push(content);
        Some(())
    }
}

enum Headers<'a> {
    None,
    Envelope(Envelope<'a>),
    Other,
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, size: i64) -> Option<&'a [u8]> {
        let size = usize::try_from(size).ok().filter(|&size| size <= self.0.len())?;
        let (taken, rest) = self.0.split_at(size);
        self.0 = rest;
        Some(taken)
    }

    /// Bytes preceded by their length. The inner `None` is a null field, which is not an error.
    fn sized(&mut self) -> Option<Option<&'a [u8]>> {
        match self.varint()? {
            -1 => Some(None),
            size => self.take(size).map(Some),
        }
    }

    fn headers(&mut self) -> Option<Headers<'a>> {
        let count = self.varint()?;
        let mut first: [Header; SIGNED_HEADERS] = [(b"", None); SIGNED_HEADERS];
        for place in 0..usize::try_from(count).ok()? {
            let name = self.sized()??;
            let value = self.sized()?;
            if name == DATAREF {
                return None;
            }
            if let Some(header) = first.get_mut(place) {
                *header = (name, value);
            }
        }
        Some(match count as usize {
            0 => Headers::None,
            count @ (HEADERS | SIGNED_HEADERS) => {
                Envelope::read(&first[..count]).map_or(Headers::Other, Headers::Envelope)
            }
            _ => Headers::Other,
        })
    }

    /// A varint: seven bits per byte, lowest first, zigzag encoded.
    fn varint(&mut self) -> Option<i64> {
        let mut number = 0u64;
        for (place, &byte) in self.0.iter().take(10).enumerate() {
            number |= ((byte & 0x7F) as u64) << (7 * place);
            if byte < 0x80 {
                self.0 = &self.0[place + 1..];
                return Some((number >> 1) as i64 ^ -((number & 1) as i64));
            }
        }
        None
    }
}
