//! The decision cache: decisions of the full path, for jobs that differ only in fields that no rule uses.
//!
//! A policy depends on a few facts of a job. Jobs with equal facts whose lengths lie in the same interval
//! get the same decision, except for the number of characters in its texts. For a scored job the score's
//! values also differ, and the tier that it chose is one of the facts. A decision is therefore stored with
//! placeholders. It is repeated for other lengths and scores once a second decision has matched it.

use crate::score::{Scored, SUSPENDED};
use std::collections::HashMap;

/// Maximum number of decisions. Beyond it, all are deleted.
const KEPT: usize = 5_000;

#[derive(Clone)]
enum Piece {
    Bytes(Vec<u8>),
    Length,
    Score,
    Checks,
}

/// A decision as JSON in pieces. `tag` is the caller's number for its tier and rule.
#[derive(Clone)]
pub struct Form {
    pub tier: usize,
    pub tag: usize,
    pieces: Vec<Piece>,
}

enum State {
    Unsure {
        chars: usize,
        form: Form,
    },
    Sure(Form),
    /// Decisions for two lengths did not match one form.
    Never,
}

/// Whether jobs with these facts are scored, and for which tiers (one bit each).
#[derive(Clone, Copy, PartialEq)]
pub enum Asks {
    Nobody,
    Score(u64),
}

#[derive(Default)]
pub struct Decisions {
    asks: HashMap<Vec<u8>, Asks>,
    /// By the facts, followed by the score's choice.
    states: HashMap<Vec<u8>, State>,
}

impl Form {
    fn of(made: &[u8], chars: usize, scored: Option<&Scored>, tier: usize, tag: usize) -> Option<Self> {
        let mut pieces = vec![Piece::Bytes(made.to_vec())];
        if let Some(scored) = scored {
            if scored.choice != SUSPENDED {
                pieces = split_once(pieces, &scored.score, Piece::Score)?;
            }
            pieces = split_once(pieces, &scored.checks, Piece::Checks)?;
        }
        Some(Form { tier, tag, pieces: split(pieces, &words(chars), &Piece::Length) })
    }

    /// Writes the decision for a job with `chars` characters and this score.
    pub fn write(&self, chars: usize, scored: Option<&Scored>, out: &mut Vec<u8>) {
        let words = words(chars);
        for piece in &self.pieces {
            out.extend_from_slice(match (piece, scored) {
                (Piece::Bytes(bytes), _) => bytes,
                (Piece::Length, _) => &words,
                (Piece::Score, Some(scored)) => &scored.score,
                (Piece::Checks, Some(scored)) => &scored.checks,
                _ => unreachable!("only a scored decision has these holes"),
            });
        }
    }
}

impl Decisions {
    /// Whether to compute the score; `None` if no job with these facts was decided before.
    pub fn asks(&self, facts: &[u8]) -> Option<Asks> {
        self.asks.get(facts).copied()
    }

    /// The cached decision, if there is one. `facts` include the score's choice if the job was scored.
    pub fn find(&self, facts: &[u8], chars: usize) -> Option<&Form> {
        match self.states.get(facts)? {
            State::Sure(form) => Some(form),
            State::Unsure { chars: first, form } if *first == chars => Some(form),
            _ => None,
        }
    }

    /// Stores whether a job with these facts was scored.
    pub fn note(&mut self, facts: &[u8], asks: Asks) {
        if self.asks.len() == KEPT && !self.asks.contains_key(facts) {
            self.asks.clear();
            self.states.clear();
        }
        self.asks.insert(facts.to_vec(), asks);
    }

    /// Stores a decision. It may be repeated after the second call.
    pub fn remember(
        &mut self,
        facts: &[u8],
        made: &[u8],
        chars: usize,
        scored: Option<&Scored>,
        tier: usize,
        tag: usize,
    ) {
        match self.states.get_mut(facts) {
            None => {
                let state = match Form::of(made, chars, scored, tier, tag) {
                    Some(form) => State::Unsure { chars, form },
                    None => State::Never,
                };
                self.states.insert(facts.to_vec(), state);
            }
            Some(state) => {
                let State::Unsure { chars: first, form } = state else { return };
                if *first != chars {
                    let mut again = Vec::with_capacity(made.len());
                    form.write(chars, scored, &mut again);
                    *state = if again == made { State::Sure(form.clone()) } else { State::Never };
                }
            }
        }
    }
}

/// How policy conditions and agent restrictions write a length.
fn words(chars: usize) -> Vec<u8> {
    format!("{chars} characters").into_bytes()
}

fn split(pieces: Vec<Piece>, hole: &[u8], mark: &Piece) -> Vec<Piece> {
    let mut made = Vec::new();
    for piece in pieces {
        let Piece::Bytes(bytes) = piece else {
            made.push(piece);
            continue;
        };
        let mut rest = &bytes[..];
        while let Some(at) = find(rest, hole) {
            made.push(Piece::Bytes(rest[..at].to_vec()));
            made.push(mark.clone());
            rest = &rest[at + hole.len()..];
        }
        made.push(Piece::Bytes(rest.to_vec()));
    }
    made
}

/// `None` unless the placeholder's text occurs exactly once.
fn split_once(pieces: Vec<Piece>, hole: &[u8], mark: Piece) -> Option<Vec<Piece>> {
    let before = pieces.len();
    let made = split(pieces, hole, &mark);
    (made.len() == before + 2).then_some(made)
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|part| part == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeated(decisions: &Decisions, chars: usize) -> Option<String> {
        let mut out = Vec::new();
        decisions.find(b"facts", chars)?.write(chars, None, &mut out);
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_decision_is_repeated_for_other_lengths_once_a_second_one_fits() {
        let mut decisions = Decisions::default();
        decisions.remember(b"facts", b"9 characters are few", 9, None, 0, 0);
        assert_eq!(repeated(&decisions, 9).as_deref(), Some("9 characters are few"));
        assert_eq!(repeated(&decisions, 10), None);
        decisions.remember(b"facts", b"12 characters are few", 12, None, 0, 0);
        assert_eq!(repeated(&decisions, 345).as_deref(), Some("345 characters are few"));
    }

    #[test]
    fn a_number_that_only_looks_like_the_length_is_never_filled_in() {
        let mut decisions = Decisions::default();
        decisions.remember(b"facts", b"below 9 characters", 9, None, 0, 0);
        decisions.remember(b"facts", b"below 9 characters", 12, None, 0, 0);
        assert_eq!(repeated(&decisions, 9), None);
        assert_eq!(repeated(&decisions, 12), None);
    }
}
