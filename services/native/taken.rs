//! The records of a batch, where they stand: side by side, or in one of Kafka's batches (record format 2).

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

/// One record as it was consumed; `value` is none where the record has headers.
#[derive(Clone, Copy)]
pub struct Taken {
    pub offset: i64,
    pub key: Span,
    pub value: Span,
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
/// None where a record has headers, or anything is not as it should be; what was added then is of no use.
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
        if record.varint()? != 0 || !record.0.is_empty() {
            return None;
        }
        match times.last_mut() {
            Some(last) if last.at_ms == at_ms => last.count += 1,
            _ => times.push(Came { at_ms, count: 1 }),
        }
        taken.push(Taken { offset, key: Span::of(key), value: Span::of(value) });
    }
    rest.0.is_empty().then_some(())
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
