//! The router's swift way as a library for C's calling convention; `router/native.py` is its only caller.
//!
//! Every pointer that is handed in stays its owner's, and is read until the function returns. A panic never
//! leaves: what broke on a record counts as unsure of it.

mod cover;
mod job;
mod json;
mod plans;
mod records;
mod score;
mod seen;
mod sha1;
mod swift;
mod taken;
mod words;

use plans::Asks;
use score::{Head, Model};
use seen::number_of;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::slice;
use std::sync::Arc;
use swift::{Settings, Swift, Why};
use taken::{Span, Taken};
use words::{Vocabulary, KINDS};

/// Counted up whenever a function here changes.
const VERSION: u32 = 2;

/// Bytes of somebody else's; null is none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Bytes {
    start: *const u8,
    size: usize,
}

impl Bytes {
    unsafe fn get<'a>(self) -> Option<&'a [u8]> {
        (!self.start.is_null()).then(|| slice::from_raw_parts(self.start, self.size))
    }

    unsafe fn lines(self) -> Vec<Vec<u8>> {
        match self.get() {
            Some(text) if !text.is_empty() => text.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect(),
            _ => Vec::new(),
        }
    }
}

/// Numbers of somebody else's.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Numbers<T> {
    start: *const T,
    count: usize,
}

impl<T: Copy> Numbers<T> {
    unsafe fn get<'a>(self) -> &'a [T] {
        if self.count == 0 {
            &[]
        } else {
            slice::from_raw_parts(self.start, self.count)
        }
    }
}

/// A batch of records, side by side.
#[repr(C)]
pub struct Batch {
    count: usize,
    offsets: *const i64,
    keys: *const *const u8,
    key_sizes: *const usize,
    values: *const *const u8,
    value_sizes: *const usize,
}

impl Batch {
    unsafe fn record(&self, place: usize) -> Taken {
        let span =
            |starts: *const *const u8, sizes: *const usize| Span::new(*starts.add(place), *sizes.add(place));
        Taken {
            offset: *self.offsets.add(place),
            key: span(self.keys, self.key_sizes),
            value: span(self.values, self.value_sizes),
            cover: None,
        }
    }
}

/// Records of one batch for one partition of a tier's topic.
#[repr(C)]
pub struct MadeRun {
    tier: u32,
    count: u32,
    bytes: Bytes,
}

#[no_mangle]
pub extern "C" fn pointsman_version() -> u32 {
    VERSION
}

/// A model; `names`, `tiers`: a line each. `weights`: of each name as many as there are `biases`, and one.
/// `heads`: of each its weights and its bias; `scales`: of each its slope and its offset.
/// `bars`: floor, rate, margin.
#[no_mangle]
pub unsafe extern "C" fn pointsman_model_new(
    name: Bytes,
    tiers: Bytes,
    names: Bytes,
    weights: Numbers<i32>,
    biases: Numbers<i64>,
    heads: Numbers<i64>,
    scales: Numbers<f64>,
    bars: Numbers<f64>,
    prices: Numbers<f64>,
) -> *mut Arc<Model> {
    let (names, tiers, bars, biases) = (names.lines(), tiers.lines(), bars.get(), biases.get());
    let hidden = biases.len();
    let fits = names.len() * (hidden + 1) == weights.count
        && (3 * tiers.len() - 2) * (hidden + 1) == heads.count
        && scales.count == 2 * (3 * tiers.len() - 2)
        && prices.count == tiers.len()
        && (2..=64).contains(&tiers.len())
        && bars.len() == 3;
    if !fits {
        return std::ptr::null_mut();
    }
    let heads =
        heads.get().chunks_exact(hidden + 1).zip(scales.get().chunks_exact(2)).map(|(head, scale)| Head {
            weights: head[..hidden].to_vec(),
            bias: head[hidden],
            slope: scale[0],
            offset: scale[1],
        });
    Box::into_raw(Box::new(Arc::new(Model {
        vocabulary: Vocabulary::new(&names),
        rows: weights.get().to_vec(),
        biases: biases.to_vec(),
        heads: heads.collect(),
        floor: bars[0],
        rate: bars[1],
        margin: bars[2],
        prices: prices.get().to_vec(),
        tiers,
        name: name.get().unwrap_or_default().to_vec(),
    })))
}

#[no_mangle]
pub unsafe extern "C" fn pointsman_model_free(model: *mut Arc<Model>) {
    drop(Box::from_raw(model));
}

/// One lane's; `model` may be null, and may be freed while this lives.
#[no_mangle]
pub unsafe extern "C" fn pointsman_swift_new(
    topic: Bytes,
    source: Bytes,
    metadata: Bytes,
    bounds: Numbers<u64>,
    tiers: usize,
    max_bytes: usize,
    largest: usize,
    draw_every: u32,
    model: *const Arc<Model>,
    remembered: usize,
) -> *mut Swift {
    let settings = Settings {
        topic: topic.get().unwrap_or_default().to_vec(),
        source: source.get().unwrap_or_default().to_vec(),
        max_bytes,
        largest,
        tiers,
        bounds: bounds.get().to_vec(),
        metadata: metadata.lines(),
        draw_every,
        model: model.as_ref().cloned(),
    };
    Box::into_raw(Box::new(Swift::new(settings, remembered)))
}

#[no_mangle]
pub unsafe extern "C" fn pointsman_swift_free(swift: *mut Swift) {
    drop(Box::from_raw(swift));
}

#[no_mangle]
pub unsafe extern "C" fn pointsman_swift_begin(swift: &mut Swift, partition: i32, time: Bytes, doubt: Bytes) {
    swift.begin(partition, time.get().unwrap_or_default(), doubt.get().unwrap_or_default());
}

/// Records that are to be routed; they are kept until the next `begin`.
#[no_mangle]
pub unsafe extern "C" fn pointsman_swift_take(swift: &mut Swift, batch: &Batch) {
    swift.taken.extend((0..batch.count).map(|place| batch.record(place)));
}

/// The same from one of Kafka's batches, decompressed and without its head, which has the offset and the time of
/// its first record. False if it cannot be read here: then all that was taken since `begin` is of no use.
#[no_mangle]
pub unsafe extern "C" fn pointsman_swift_read(
    swift: &mut Swift,
    records: Bytes,
    first: i64,
    first_ms: i64,
    count: usize,
) -> bool {
    let bytes = records.get().unwrap_or_default();
    let read = || taken::read(bytes, first, first_ms, count, &mut swift.taken, &mut swift.times).is_some();
    catch_unwind(AssertUnwindSafe(read)).unwrap_or(false)
}

/// Route records from `place` on; returns where it stopped, and above 32 bits why.
#[no_mangle]
pub unsafe extern "C" fn pointsman_swift_route(swift: &mut Swift, place: usize) -> u64 {
    for at in place..swift.taken.len() {
        let record = swift.taken[at].record();
        let routed = catch_unwind(AssertUnwindSafe(|| swift.route(&record)));
        let why = routed.unwrap_or(Why::Unsure);
        if why != Why::Done {
            return at as u64 | (why as u64) << 32;
        }
    }
    swift.taken.len() as u64
}

/// When the records of Kafka's batches came, in pairs: milliseconds since 1970, how many in a row.
#[no_mangle]
pub unsafe extern "C" fn pointsman_swift_times(swift: &Swift) -> Numbers<i64> {
    Numbers { start: swift.times.as_ptr().cast(), count: swift.times.len() * 2 }
}

/// What was decided for the record where it stopped for want of a plan. `scored`: the score was asked, of the
/// tiers with a bit in `open`.
#[no_mangle]
pub unsafe extern "C" fn pointsman_swift_learn(
    swift: &mut Swift,
    decision: Bytes,
    tier: usize,
    tag: usize,
    scored: bool,
    open: u64,
) {
    let asks = if scored { Asks::Score(open) } else { Asks::Nobody };
    let decision = decision.get().unwrap_or_default();
    let _ = catch_unwind(AssertUnwindSafe(|| swift.learn(decision, tier, tag, asks)));
}

/// How many runs were made since `begin`.
#[no_mangle]
pub unsafe extern "C" fn pointsman_swift_runs(swift: &Swift) -> usize {
    swift.made.iter().map(|each| each.made().len()).sum()
}

/// One of them; its bytes stay until the next `begin`.
#[no_mangle]
pub unsafe extern "C" fn pointsman_swift_run(swift: &Swift, place: usize) -> MadeRun {
    let all =
        swift.made.iter().enumerate().flat_map(|(tier, each)| each.made().iter().map(move |run| (tier, run)));
    match { all }.nth(place) {
        Some((tier, run)) => MadeRun {
            tier: tier as u32,
            count: run.count as u32,
            bytes: Bytes { start: run.bytes.as_ptr(), size: run.bytes.len() },
        },
        None => MadeRun { tier: 0, count: 0, bytes: Bytes { start: std::ptr::null(), size: 0 } },
    }
}

/// How many jobs went by each tag since `begin`.
#[no_mangle]
pub unsafe extern "C" fn pointsman_swift_counts(swift: &Swift) -> Numbers<u64> {
    Numbers { start: swift.counts.as_ptr(), count: swift.counts.len() }
}

/// The shapes of the scored jobs that were drawn since `begin`, one after another.
#[no_mangle]
pub unsafe extern "C" fn pointsman_swift_drawn(swift: &Swift) -> Numbers<u32> {
    Numbers { start: swift.drawn.as_ptr().cast(), count: swift.drawn.len() * KINDS }
}

/// Remember the id of a job, in its text form; false if it was known.
#[no_mangle]
pub unsafe extern "C" fn pointsman_seen_add(swift: &mut Swift, id: Bytes) -> bool {
    swift.seen.add(number_of(id.get().unwrap_or_default()))
}
