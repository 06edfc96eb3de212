//! The job ids that a lane has seen recently, as in `router/recent_ids.py`.

use std::collections::{HashSet, VecDeque};

pub struct Seen {
    order: VecDeque<u128>,
    ids: HashSet<u128>,
    capacity: usize,
}

impl Seen {
    pub fn new(capacity: usize) -> Self {
        Seen { order: VecDeque::with_capacity(capacity), ids: HashSet::with_capacity(capacity), capacity }
    }

    /// Stores an id. Returns false if it was already there. The oldest ids are deleted first.
    pub fn add(&mut self, id: u128) -> bool {
        if !self.ids.insert(id) {
            return false;
        }
        if self.order.len() == self.capacity {
            if let Some(oldest) = self.order.pop_front() {
                self.ids.remove(&oldest);
            }
        }
        self.order.push_back(id);
        true
    }

    pub fn contains(&self, id: u128) -> bool {
        self.ids.contains(&id)
    }
}

/// The number of a UUID in text form, which was validated before.
pub fn number_of(id: &[u8]) -> u128 {
    id.iter()
        .filter_map(|&digit| (digit as char).to_digit(16))
        .fold(0, |number, digit| number << 4 | digit as u128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_first_is_forgotten_first() {
        let mut seen = Seen::new(2);
        assert!(seen.add(1) && seen.add(2));
        assert!(!seen.add(1));
        assert!(seen.add(3));
        assert!(!seen.contains(1) && seen.contains(2) && seen.contains(3));
    }

    #[test]
    fn an_id_is_its_digits() {
        assert_eq!(number_of(b"00000000-0000-0000-0000-0000000000ff"), 255);
    }
}
