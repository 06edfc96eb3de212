//! The Python module `pointsman_native`: the router's fast path, called by `router/fast_path.py`, and the
//! audit's record reader, called by `audit/records/one_pass.py`.
//!
//! Panics are caught: a record that causes one is left to the full path.

mod batch;
mod decisions;
mod envelope;
mod job;
mod json;
mod messages;
mod records;
mod router;
mod scan;
mod score;
mod seen;
mod shape;
mod signatures;
mod used;
mod words;

use batch::Batch;
use decisions::Asks;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use router::{Router, Settings, Why};
use score::{Head, Model};
use seen::number_of;
use signatures::{Keys, NamedKey};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use words::Vocabulary;

/// Increase it when a class or function of this module changes. `runtime/native.py` requires a certain
/// version.
const VERSION: u32 = 8;

/// A model prepared for one policy, shared by all lanes.
#[pyclass(frozen)]
struct Score(Arc<Model>);

#[pymethods]
impl Score {
    /// `weights`: for each feature one value per bias, and one more. `heads`: for each head its weights and
    /// its bias. `scales`: slope and offset of each. `bars`: floor, rate, margin.
    #[new]
    #[allow(clippy::too_many_arguments)]
    fn new(
        name: Vec<u8>,
        tiers: Vec<Vec<u8>>,
        features: Vec<PyBackedBytes>,
        weights: Vec<i32>,
        biases: Vec<i64>,
        heads: Vec<i64>,
        scales: Vec<f64>,
        bars: [f64; 3],
        prices: Vec<f64>,
    ) -> PyResult<Self> {
        let hidden = biases.len();
        let fits = (2..=64).contains(&tiers.len())
            && features.len() * (hidden + 1) == weights.len()
            && (3 * tiers.len() - 2) * (hidden + 1) == heads.len()
            && scales.len() == 2 * (3 * tiers.len() - 2)
            && prices.len() == tiers.len();
        if !fits {
            return Err(PyValueError::new_err("the parts of the score do not fit each other"));
        }
        let heads = heads.chunks_exact(hidden + 1).zip(scales.chunks_exact(2)).map(|(head, scale)| Head {
            weights: head[..hidden].to_vec(),
            bias: head[hidden],
            slope: scale[0],
            offset: scale[1],
        });
        let names: Vec<Vec<u8>> = features.iter().map(|name| name.to_vec()).collect();
        let [floor, rate, margin] = bars;
        Ok(Score(Arc::new(Model {
            vocabulary: Vocabulary::new(&names),
            rows: weights,
            biases,
            heads: heads.collect(),
            floor,
            rate,
            margin,
            prices,
            tiers,
            name,
        })))
    }
}

/// The state of one lane. Call `begin`, then `take` or `read`, then `route`.
#[pyclass]
struct FastPath {
    batch: Batch,
    router: Router,
}

#[pymethods]
impl FastPath {
    /// `metadata`: names that rules use. `bounds`: lengths at which a rule changes, ascending.
    #[new]
    #[allow(clippy::too_many_arguments)]
    fn new(
        topic: Vec<u8>,
        source: Vec<u8>,
        metadata: Vec<Vec<u8>>,
        bounds: Vec<u64>,
        tiers: usize,
        max_bytes: usize,
        largest: usize,
        draw_every: u32,
        score: Option<&Score>,
        remembered: usize,
        signatures: usize,
    ) -> Self {
        let model = score.map(|score| score.0.clone());
        let settings = Settings {
            topic,
            source,
            max_bytes,
            largest,
            tiers,
            bounds,
            metadata,
            draw_every,
            signatures,
            model,
        };
        FastPath { batch: Batch::default(), router: Router::new(settings, remembered) }
    }

    /// Clears the decision cache. `bounds` as in `new`.
    fn forget(&mut self, bounds: Vec<u64>) {
        self.router.forget(bounds);
    }

    /// Starts a batch. `suspended`: the check that says why the score is not used; empty if it is used.
    fn begin(&mut self, partition: i32, partitions: i32, time: &[u8], suspended: &[u8]) {
        self.batch.clear();
        self.router.begin(partition, partitions, time, suspended);
    }

    /// Sets the agents' public keys; `None` if signatures are not required.
    #[pyo3(signature = (topic, keys))]
    fn demand(&mut self, topic: Vec<u8>, keys: Option<Vec<(Vec<u8>, Vec<NamedKey>)>>) {
        self.router.keys = keys.map(|keys| Keys::new(topic, keys));
    }

    /// Marks a valid signature as used. 0: it is now used; 1: it was used before; 2: too old to tell.
    fn use_up(&mut self, agent: &[u8], raw: [u8; 64], time_ms: i64, at_ms: i64) -> u32 {
        self.router.used.use_up(agent, &raw, time_ms, at_ms) as u32
    }

    /// Adds records, each as a key and a value.
    fn take(&mut self, records: Vec<(i64, PyBackedBytes, PyBackedBytes)>) {
        for (offset, key, value) in records {
            self.batch.take(offset, key, value);
        }
    }

    /// Adds the records of a Kafka batch, decompressed and without its header, which has the offset and the
    /// time of its first record. `taken_ms` is the append time of all records, if the batch has one.
    /// Returns false if the batch cannot be read here; all records added since `begin` must then be
    /// discarded.
    fn read(
        &mut self,
        py: Python<'_>,
        records: PyBackedBytes,
        first: i64,
        first_ms: i64,
        count: usize,
        taken_ms: Option<i64>,
    ) -> bool {
        let batch = &mut self.batch;
        py.detach(|| {
            let read = || batch.read(records, first, first_ms, count, taken_ms).is_some();
            catch_unwind(AssertUnwindSafe(read)).unwrap_or(false)
        })
    }

    /// Routes records from `index` on. Returns where it stopped and why. 0: all are done; 1: an ordinary
    /// job whose decision may be cached; 2: any other record.
    fn route(&mut self, py: Python<'_>, index: usize) -> (usize, u32) {
        let (batch, router) = (&self.batch, &mut self.router);
        py.detach(|| {
            for at in index..batch.len() {
                let routed = catch_unwind(AssertUnwindSafe(|| router.route(&batch.record(at))));
                let why = routed.unwrap_or(Why::Unsure);
                if why != Why::Done {
                    return (at, why as u32);
                }
            }
            (batch.len(), Why::Done as u32)
        })
    }

    /// Stores the job ids of records from `index` on, which were answered before. Returns the index of the
    /// first record that the full path must handle, or the end.
    fn recall(&mut self, py: Python<'_>, index: usize) -> usize {
        let (batch, router) = (&self.batch, &mut self.router);
        py.detach(|| {
            let recalled = |at: &usize| {
                let recall = || router.recall(&batch.record(*at));
                catch_unwind(AssertUnwindSafe(recall)).unwrap_or(None).is_none()
            };
            (index..batch.len()).find(recalled).unwrap_or(batch.len())
        })
    }

    /// Stores the decision for the record at which `route` stopped with 1. `tag` is the number of the
    /// decision's tier and rule. `open` has a bit for each tier that was scored; `None` if the job was not
    /// scored.
    #[pyo3(signature = (decision, tier, tag, open))]
    fn remember(&mut self, decision: &[u8], tier: usize, tag: usize, open: Option<u64>) {
        let asks = open.map_or(Asks::Nobody, Asks::Score);
        let router = &mut self.router;
        let _ = catch_unwind(AssertUnwindSafe(|| router.remember(decision, tier, tag, asks)));
    }

    /// The records made since `begin`: tier, number of records, and the records in Kafka's format.
    fn made<'py>(&self, py: Python<'py>) -> Vec<(usize, usize, Bound<'py, PyBytes>)> {
        let tiers = self.router.made.iter().enumerate();
        tiers
            .flat_map(|(tier, runs)| runs.made().iter().map(move |run| (tier, run)))
            .map(|(tier, run)| (tier, run.count, PyBytes::new(py, &run.bytes)))
            .collect()
    }

    /// Append times of records from Kafka batches: milliseconds since 1970, and the number of consecutive
    /// records.
    fn times(&self) -> Vec<(i64, u64)> {
        self.batch.times().to_vec()
    }

    /// Number of jobs for each tag since `begin`.
    fn counts(&self) -> Vec<u64> {
        self.router.counts.clone()
    }

    /// Text shapes of the scored jobs that were sampled since `begin`.
    fn drawn(&self) -> Vec<Vec<u32>> {
        self.router.drawn.iter().map(|shape| shape.to_vec()).collect()
    }

    /// Stores a job id in text form. Returns false if it was known.
    fn seen(&mut self, id: &str) -> bool {
        self.router.seen.add(number_of(id.as_bytes()))
    }
}

#[pymodule]
fn pointsman_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("VERSION", VERSION)?;
    module.add_class::<Score>()?;
    module.add_class::<messages::MessageReader>()?;
    module.add_class::<FastPath>()
}
