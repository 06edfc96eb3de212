//! The signatures that a lane has accepted, as in `identity/used.py`, in bounded memory.

use std::collections::{BTreeMap, HashMap, HashSet};

/// A signature is valid for this long before and after the broker's time, in milliseconds.
pub const GOOD_FOR_MS: i64 = 300_000;
/// The part of a signature that is kept.
const KEPT: usize = 16;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Use {
    Valid = 0,
    Repeated = 1,
    Stale = 2,
}

/// One agent's signatures by second. Signatures from `forgotten` or earlier are not accepted.
#[derive(Default)]
struct OfAgent {
    known: BTreeMap<i64, HashSet<[u8; KEPT]>>,
    size: usize,
    forgotten: Option<i64>,
}

impl OfAgent {
    fn use_up(&mut self, kept: [u8; KEPT], second: i64) -> Use {
        if self.forgotten.is_some_and(|forgotten| second <= forgotten) {
            return Use::Stale;
        }
        if !self.known.entry(second).or_default().insert(kept) {
            return Use::Repeated;
        }
        self.size += 1;
        Use::Valid
    }

    /// Deletes the signatures of this second and earlier. Returns how many.
    fn forget(&mut self, until: i64) -> usize {
        let before = self.size;
        while let Some(entry) = self.known.first_entry().filter(|entry| *entry.key() <= until) {
            self.forgotten = Some(*entry.key());
            self.size -= entry.remove().len();
        }
        before - self.size
    }
}

pub struct Used {
    agents: HashMap<Vec<u8>, OfAgent>,
    count: usize,
    capacity: usize,
}

impl Used {
    pub fn new(capacity: usize) -> Self {
        Used { agents: HashMap::new(), count: 0, capacity }
    }

    /// Marks a valid signature of `agent`, made at `time_ms`, as used.
    pub fn use_up(&mut self, agent: &[u8], raw: &[u8; 64], time_ms: i64, at_ms: i64) -> Use {
        if !self.agents.contains_key(agent) {
            self.agents.insert(agent.to_vec(), OfAgent::default());
        }
        let own = self.agents.get_mut(agent).expect("it was put there");
        self.count -= own.forget((at_ms - GOOD_FOR_MS).div_euclid(1000) - 1);
        let kept = raw[..KEPT].try_into().expect("there are so many");
        let used = own.use_up(kept, time_ms.div_euclid(1000));
        if used == Use::Valid {
            self.count += 1;
            while self.count > self.capacity {
                let most = self.agents.values_mut().max_by_key(|agent| agent.size).expect("one has some");
                let oldest = *most.known.first_key_value().expect("it has the most").0;
                self.count -= most.forget(oldest);
            }
        }
        used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(number: u8) -> [u8; 64] {
        [number; 64]
    }

    #[test]
    fn a_second_one_is_repeated_and_an_old_one_stale() {
        let mut used = Used::new(10);
        assert_eq!(used.use_up(b"a", &raw(1), 1_000_000, 1_000_000), Use::Valid);
        assert_eq!(used.use_up(b"a", &raw(1), 1_000_000, 1_000_001), Use::Repeated);
        assert_eq!(used.use_up(b"b", &raw(1), 1_000_000, 1_000_001), Use::Valid);
        assert_eq!(used.use_up(b"a", &raw(2), 2_000_000, 2_000_000), Use::Valid);
        assert_eq!(used.use_up(b"a", &raw(1), 1_000_000, 1_000_001), Use::Stale);
    }

    #[test]
    fn a_full_memory_narrows_the_time_of_whoever_fills_it() {
        let mut used = Used::new(4);
        assert_eq!(used.use_up(b"quiet", &raw(0), 1_000_000, 1_000_000), Use::Valid);
        for number in 1..100 {
            let time_ms = 1_000_000 + i64::from(number) * 1000;
            assert_eq!(used.use_up(b"loud", &raw(number), time_ms, 1_000_000), Use::Valid);
        }
        assert_eq!(used.count, 4);
        assert_eq!(used.use_up(b"quiet", &raw(0), 1_000_000, 1_000_000), Use::Repeated);
        assert_eq!(used.use_up(b"loud", &raw(1), 1_001_000, 1_000_000), Use::Stale);
    }
}
