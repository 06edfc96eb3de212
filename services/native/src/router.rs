//! Routes ordinary jobs whose decision is cached, from the bytes of a record to the bytes of the resulting
//! record.
//!
//! It leaves every other record to the full path and continues behind it.

use crate::batch::Record;
use crate::decisions::{Asks, Decisions};
use crate::job::Job;
use crate::records::Runs;
use crate::score::{Model, Scored};
use crate::seen::{number_of, Seen};
use crate::signatures::{partition_of, Keys, Signed};
use crate::used::{Use, Used};
use crate::words::{shape_of, Shape};
use std::io::Write;
use std::sync::Arc;
use uuid::Uuid;

/// The namespace of derived ids, as in `pointsman_schemas/ids.py`.
const SALT: [u8; 16] =
    [0x5C, 0x2C, 0x6A, 0x4E, 0x5F, 0x5B, 0x5D, 0x0E, 0x9A, 0x53, 0x70, 0x6F, 0x69, 0x6E, 0x74, 0x73];

/// Jobs with longer facts, in bytes, are left to the full path. Facts are keys of the decision cache, and
/// publishers may write anything into metadata that a rule uses.
const MOST_FACTS: usize = 1_024;

/// Why routing stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Why {
    /// All records are done.
    Done = 0,
    /// An ordinary job without a cached decision.
    Undecided = 1,
    /// Any other record.
    Unsure = 2,
}

/// Settings. `max_bytes`: largest value to read. `largest`: largest value to write. `draw_every`: one of
/// this many scored jobs is sampled for the drift monitor.
pub struct Settings {
    pub topic: Vec<u8>,
    pub source: Vec<u8>,
    pub max_bytes: usize,
    pub largest: usize,
    pub tiers: usize,
    pub bounds: Vec<u64>,
    pub metadata: Vec<Vec<u8>>,
    pub draw_every: u32,
    /// Maximum number of signatures to remember.
    pub signatures: usize,
    pub model: Option<Arc<Model>>,
}

/// The state of one lane.
pub struct Router {
    settings: Settings,
    decisions: Decisions,
    pub seen: Seen,
    /// The agents' public keys, if signatures are required.
    pub keys: Option<Keys>,
    pub used: Used,
    /// Records made since `begin`, by tier.
    pub made: Vec<Runs>,
    /// Number of jobs for each tag since `begin`.
    pub counts: Vec<u64>,
    /// Text shapes of the scored jobs that were sampled since `begin`.
    pub drawn: Vec<Shape>,
    partition: i32,
    partitions: i32,
    time: Vec<u8>,
    suspended: Vec<u8>,
    job: Job,
    scored: Scored,
    facts: Vec<u8>,
    value: Vec<u8>,
}

impl Router {
    pub fn new(settings: Settings, remembered: usize) -> Self {
        Router {
            decisions: Decisions::default(),
            seen: Seen::new(remembered),
            keys: None,
            used: Used::new(settings.signatures),
            partitions: 1,
            made: (0..settings.tiers).map(|_| Runs::default()).collect(),
            counts: Vec::new(),
            drawn: Vec::new(),
            partition: 0,
            time: Vec::new(),
            suspended: Vec::new(),
            job: Job::default(),
            scored: Scored::default(),
            facts: Vec::new(),
            value: Vec::new(),
            settings,
        }
    }

    /// Clears the decision cache and sets the lengths at which a rule changes.
    pub fn forget(&mut self, bounds: Vec<u64>) {
        self.decisions = Decisions::default();
        self.settings.bounds = bounds;
    }

    /// Starts a batch. `suspended`: the check that says why the score is not used, if it is not.
    pub fn begin(&mut self, partition: i32, partitions: i32, time: &[u8], suspended: &[u8]) {
        self.partition = partition;
        self.partitions = partitions;
        self.time = time.to_vec();
        self.suspended = suspended.to_vec();
        self.made.iter_mut().for_each(Runs::clear);
        self.counts.fill(0);
        self.drawn.clear();
    }

    /// Routes one record.
    pub fn route(&mut self, record: &Record) -> Why {
        let Some(job_id) = self.read(record) else { return Why::Unsure };
        self.write_facts();
        if self.facts.len() > MOST_FACTS {
            return Why::Unsure;
        }
        let scored = match self.decisions.asks(&self.facts) {
            None => return Why::Undecided,
            Some(Asks::Nobody) => false,
            Some(Asks::Score(open)) => {
                if self.score(open).is_none() {
                    return Why::Unsure;
                }
                true
            }
        };
        let Some(form) = self.decisions.find(&self.facts, self.job.chars) else { return Why::Undecided };
        let id = number_of(&job_id);
        if !self.job.job_id.is_empty() && self.seen.contains(id) {
            return Why::Unsure;
        }
        self.value.clear();
        self.value.extend_from_slice(b"{\"type\":\"job.routed.v1\",\"job\":");
        self.job.write(&job_id, &mut self.value);
        self.value.extend_from_slice(b",\"decision\":");
        form.write(self.job.chars, scored.then_some(&self.scored), &mut self.value);
        self.value.push(b'}');
        if self.value.len() > self.settings.largest {
            return Why::Unsure;
        }
        let (tier, tag) = (form.tier, form.tag);
        if self.accepted(record).is_none() {
            return Why::Unsure;
        }
        if self.counts.len() <= tag {
            self.counts.resize(tag + 1, 0);
        }
        self.counts[tag] += 1;
        let every = self.settings.draw_every;
        if scored && every > 0 && crc32fast::hash(&id.to_be_bytes()) % every == 0 {
            self.drawn.push(shape_of(&self.job.text));
        }
        self.add(tier, record, &job_id);
        if !self.job.job_id.is_empty() {
            self.seen.add(id);
        }
        Why::Done
    }

    /// Stores the job id of a record that was answered before; `None` if the full path must do it.
    pub fn recall(&mut self, record: &Record) -> Option<()> {
        let job_id = self.read(record)?;
        self.accepted(record)?;
        if !self.job.job_id.is_empty() {
            self.seen.add(number_of(&job_id));
        }
        Some(())
    }

    /// Stores the decision for the record at which `route` stopped. `tag` is the number of the decision's
    /// tier and rule.
    pub fn remember(&mut self, made: &[u8], tier: usize, tag: usize, asks: Asks) {
        self.write_facts();
        self.decisions.note(&self.facts, asks);
        let mut scored = None;
        if let Asks::Score(open) = asks {
            if self.score(open).is_none() {
                return;
            }
            scored = Some(&self.scored);
        }
        self.decisions.remember(&self.facts, made, self.job.chars, scored, tier, tag);
    }

    /// Scores the job. The chosen tier becomes one of the facts.
    fn score(&mut self, open: u64) -> Option<()> {
        if self.suspended.is_empty() {
            self.settings.model.as_ref()?.look(&self.job.text, open, &mut self.scored)?;
        } else {
            self.scored.suspended(&self.suspended);
        }
        self.facts.extend_from_slice(&self.scored.choice.to_le_bytes());
        Some(())
    }

    /// Whether the signature is valid, if one is required. A valid signature is marked as used.
    fn accepted(&mut self, record: &Record) -> Option<()> {
        let Some(keys) = &self.keys else { return Some(()) };
        let (envelope, at_ms) = (record.envelope.as_ref()?, record.taken_ms?);
        let key = record.key.filter(|key| partition_of(key, self.partitions) == self.partition)?;
        (key == self.job.job_id).then_some(())?;
        let (id, time, value) = (envelope.id, envelope.time, record.value?);
        let signed = Signed { id, time, value, signature: envelope.signature? };
        let (raw, time_ms) = keys.verified(&self.job.agent_id, &signed, at_ms)?;
        let used = self.used.use_up(&self.job.agent_id, &raw, time_ms, at_ms);
        (used == Use::Valid).then_some(())
    }

    /// The ordinary job in `record`, with its id, if it belongs to this partition.
    fn read(&mut self, record: &Record) -> Option<[u8; 36]> {
        let value = record.value.filter(|value| value.len() <= self.settings.max_bytes)?;
        self.job.read(value, &self.settings.metadata)?;
        if let Some(envelope) = &record.envelope {
            (envelope.job_id == self.job.job_id && envelope.agent_id == self.job.agent_id).then_some(())?;
            (envelope.signature.is_none() || !self.job.job_id.is_empty()).then_some(())?;
        }
        if self.job.job_id.is_empty() {
            return Some(self.derived(record.offset, "job"));
        }
        (record.key == Some(&self.job.job_id)).then_some(())?;
        self.job.job_id.as_slice().try_into().ok()
    }

    /// All facts that a policy or an agent's restrictions may use, except the length.
    fn write_facts(&mut self) {
        let (job, facts) = (&self.job, &mut self.facts);
        facts.clear();
        for fact in [&job.agent_id, &job.kind, &job.tier, &job.form].into_iter().chain(&job.looked_at) {
            facts.extend_from_slice(fact);
            facts.push(0xFF); // does not occur in UTF-8
        }
        let band = self.settings.bounds.partition_point(|&bound| bound <= job.chars as u64);
        for number in [job.turns, job.tools(), band] {
            facts.extend_from_slice(&number.to_le_bytes());
        }
    }

    fn add(&mut self, tier: usize, record: &Record, job_id: &[u8; 36]) {
        let id = self.derived(record.offset, "routed");
        let own = self.derived(record.offset, "submitted");
        let cause = record.envelope.map_or(own.as_slice(), |envelope| envelope.id);
        let mut trace = Vec::with_capacity(55);
        let digits = |text: &[u8], out: &mut Vec<u8>| out.extend(text.iter().filter(|&&byte| byte != b'-'));
        trace.extend_from_slice(b"00-");
        match &record.envelope {
            Some(envelope) => trace.extend_from_slice(envelope.trace),
            None => digits(job_id, &mut trace),
        }
        trace.push(b'-');
        digits(&id[19..], &mut trace);
        trace.extend_from_slice(b"-01");
        let headers: [(&[u8], &[u8]); 11] = [
            (b"ce_specversion", b"1.0"),
            (b"ce_id", &id),
            (b"ce_source", &self.settings.source),
            (b"ce_type", b"pointsman.job.routed.v1"),
            (b"ce_time", &self.time),
            (b"ce_agentid", &self.job.agent_id),
            (b"content-type", b"application/json"),
            (b"ce_subject", job_id),
            (b"ce_jobid", job_id),
            (b"ce_causationid", cause),
            (b"traceparent", &trace),
        ];
        self.made[tier].add(job_id, &self.value, &headers);
    }

    /// The derived id of the message that `step` makes from a record.
    fn derived(&self, offset: i64, step: &str) -> [u8; 36] {
        let mut name = Vec::with_capacity(64);
        name.extend_from_slice(&SALT);
        name.extend_from_slice(&self.settings.topic);
        write!(name, ":{}:{}:{}", self.partition, offset, step).expect("memory takes what is written");
        id_of(&name)
    }
}

/// A UUIDv5, as in `pointsman_schemas/ids.py`. `name` begins with the namespace.
fn id_of(name: &[u8]) -> [u8; 36] {
    let (namespace, name) = name.split_at(16);
    let id = Uuid::new_v5(&Uuid::from_slice(namespace).expect("16 bytes"), name);
    let mut text = [0; 36];
    id.hyphenated().encode_lower(&mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_uuid_of_version_5() {
        let name = [&SALT[..], b"pointsman.jobs.intake:0:7:job"].concat();
        let id = id_of(&name);
        assert_eq!((id[14], id[8], id[23]), (b'5', b'-', b'-'));
        assert_eq!(id, id_of(&name));
    }
}
