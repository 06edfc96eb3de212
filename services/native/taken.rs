//! The records of a batch, where they stand: side by side, or in one of Kafka's batches (record format 2).

use crate::cover::{Cover, Header, DATAREF, HEADERS};
use crate::swift::Record;

/// Bytes of somebody else's, who keeps them until the next `begin`; null is none.
#[derive(Clone, Copy)]
pub struct Span {
    start: *const u8,
    size: usize,
}

impl Span {
    pub fn new(start: *const u8, size: usize) -> Self {
        Span { start, size }
    }

    fn of(bytes: Option<&[u8]>) -> Self {
        bytes.map_or(Span::new(std::ptr::null(), 0), |bytes| Span::new(bytes.as_ptr(), bytes.len()))
    }

    /// # Safety
    /// The bytes are still kept.
    pub unsafe fn get<'a>(self) -> Option<&'a [u8]> {
        (!self.start.is_null()).then(|| std::slice::from_raw_parts(self.start, self.size))
    }
}

/// One record as it was consumed; as `Record`, which it becomes.
#[derive(Clone, Copy)]
pub struct Taken {
    pub offset: i64,
    pub key: Span,
    pub value: Span,
    /// Of the envelope: id, agent, job, trace.
    pub cover: Option<[Span; 4]>,
}

impl Taken {
    /// # Safety
    /// What it stands for is still kept.
    pub unsafe fn record<'a>(&self) -> Record<'a> {
        let text = |span: Span| span.get().unwrap_or_default();
        let cover = |[id, agent_id, job_id, trace]: [Span; 4]| Cover {
            id: text(id),
            agent_id: text(agent_id),
            job_id: text(job_id),
            trace: text(trace),
        };
        Record {
            offset: self.offset,
            key: self.key.get(),
            value: self.value.get(),
            cover: self.cover.map(cover),
        }
    }
}

/// How many records in a row have this timestamp, milliseconds since 1970.
#[repr(C)]
pub struct Came {
    pub at_ms: i64,
    pub count: i64,
}

/// Add the `count` records of one of Kafka's batches, decompressed and without its head, which has the offset and
/// the time of the first.
///
/// None where a value is kept elsewhere, or anything is not as it should be; what was added then is of no use.
pub fn read(
    bytes: &[u8],
    first: i64,
    first_ms: i64,
    count: usize,
    taken: &mut Vec<Taken>,
    times: &mut Vec<Came>,
) -> Option<()> {
    let mut rest = Reader(bytes);
    let mut next = first;
    for _ in 0..count {
        let size = rest.varint()?;
        let mut record = Reader(rest.take(size)?);
        record.take(1)?; // attributes: there are none
        let at_ms = first_ms.checked_add(record.varint()?)?;
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
        match times.last_mut() {
            Some(last) if last.at_ms == at_ms => last.count += 1,
            _ => times.push(Came { at_ms, count: 1 }),
        }
        let (value, cover) = match headers {
            Headers::None => (value, None),
            Headers::Cover(each) => (
                value,
                Some([each.id, each.agent_id, each.job_id, each.trace].map(|text| Span::of(Some(text)))),
            ),
            Headers::Other => (None, None), // left alone
        };
        taken.push(Taken { offset, key: Span::of(key), value: Span::of(value), cover });
    }
    rest.0.is_empty().then_some(())
}

enum Headers<'a> {
    None,
    Cover(Cover<'a>),
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

    /// Bytes behind their length; there may be none, which is not the same as an error.
    fn sized(&mut self) -> Option<Option<&'a [u8]>> {
        match self.varint()? {
            -1 => Some(None),
            size => self.take(size).map(Some),
        }
    }

    fn headers(&mut self) -> Option<Headers<'a>> {
        let count = self.varint()?;
        let mut first: [Header; HEADERS] = [(b"", None); HEADERS];
        for place in 0..usize::try_from(count).ok()? {
            let name = self.sized()??;
            let value = self.sized()?;
            if name == DATAREF {
                return None;
            }
            if place < HEADERS {
                first[place] = (name, value);
            }
        }
        Some(match count as usize {
            0 => Headers::None,
            HEADERS => Cover::read(&first).map_or(Headers::Other, Headers::Cover),
            _ => Headers::Other,
        })
    }

    /// Seven bits to a byte, the lowest first; the sign is the lowest bit.
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
