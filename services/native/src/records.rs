//! Writes records in Kafka's format (record format 2).

/// Target size of a batch before compression, in bytes: a quarter of the compressed size that a tier topic
/// accepts.
const BATCH_BYTES: usize = 2 * 1024 * 1024;

/// The records of one batch, uncompressed and without the batch header.
#[derive(Default)]
pub struct Run {
    pub count: usize,
    pub bytes: Vec<u8>,
}

/// All records for one partition.
#[derive(Default)]
pub struct Runs {
    runs: Vec<Run>,
    /// Number of batches in use; only the last one has room. Unused ones keep their memory for later.
    used: usize,
    body: Vec<u8>,
}

impl Runs {
    /// The batches in use.
    pub fn made(&self) -> &[Run] {
        &self.runs[..self.used]
    }

    pub fn clear(&mut self) {
        self.used = 0;
    }

    /// Appends a record with the batch's timestamp.
    pub fn add(&mut self, key: &[u8], value: &[u8], headers: &[(&[u8], &[u8])]) {
        if self.made().last().is_none_or(|run| run.bytes.len() + value.len() > BATCH_BYTES) {
            if self.used == self.runs.len() {
                self.runs.push(Run::default());
            }
            let next = &mut self.runs[self.used];
            next.count = 0;
            next.bytes.clear();
            self.used += 1;
        }
        let run = &mut self.runs[self.used - 1];
        let body = &mut self.body;
        body.clear();
        body.extend_from_slice(&[0, 0]); // attributes and timestamp delta
        put_varint(run.count as i64, body);
        put_sized(key, body);
        put_sized(value, body);
        put_varint(headers.len() as i64, body);
        for (name, value) in headers {
            put_sized(name, body);
            put_sized(value, body);
        }
        put_varint(body.len() as i64, &mut run.bytes);
        run.bytes.extend_from_slice(body);
        run.count += 1;
    }
}

fn put_sized(bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(bytes.len() as i64, out);
    out.extend_from_slice(bytes);
}

/// A varint: seven bits per byte, lowest first, zigzag encoded.
fn put_varint(number: i64, out: &mut Vec<u8>) {
    let mut left = ((number << 1) ^ (number >> 63)) as u64;
    while left >= 0x80 {
        out.push(left as u8 | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
}
