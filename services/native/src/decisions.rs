//! The decision cache: decisions of the full path, for jobs that differ only in what no rule looks at.
//!
//! A policy sees a handful of facts. Two jobs that agree in all of them, and whose lengths fall between the same
//! bounds, get the same decision but for the number of characters in its words. Of a scored job what the score
//! said differs, too, and the tier that it chose is one of the facts. So a decision is kept with holes, and is
//! repeated for other lengths and scores once a second decision came out as it has it.

use crate::score::{Scored, SUSPENDED};
use std::collections::HashMap;

/// So many are kept; beyond it all are forgotten, and remembered anew.
const KEPT: usize = 5_000;

#[derive(Clone)]
enum Piece {
    Bytes(Vec<u8>),
    Length,
    Score,
    Checks,
}

/// A decision as JSON, in pieces; `tag` is the caller's name for its tier and rule.
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
    /// Two lengths did not fit one form.
    Never,
}

/// Whether the score is asked for jobs with these facts, and for which tiers (a bit for each).
#[derive(Clone, Copy, PartialEq)]
pub enum Asks {
    Nobody,
    Score(u64),
}

#[derive(Default)]
pub struct Decisions {
    asks: HashMap<Vec<u8>, Asks>,
    /// By facts, and behind them the score's choice.
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

    /// The decision for a job of so many characters, of which the score said this.
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
    /// Whether the score is to be asked; None where no job with these facts was decided yet.
    pub fn asks(&self, facts: &[u8]) -> Option<Asks> {
        self.asks.get(facts).copied()
    }

    /// The decision to rely on, if there is one. `facts`: the score's choice is among them, if one was asked.
    pub fn find(&self, facts: &[u8], chars: usize) -> Option<&Form> {
        match self.states.get(facts)? {
            State::Sure(form) => Some(form),
            State::Unsure { chars: first, form } if *first == chars => Some(form),
            _ => None,
        }
    }

    /// Note whether the score was asked for a job with these facts.
    pub fn note(&mut self, facts: &[u8], asks: Asks) {
        if self.asks.len() == KEPT && !self.asks.contains_key(facts) {
            self.asks.clear();
            self.states.clear();
        }
        self.asks.insert(facts.to_vec(), asks);
    }

    /// Note what was decided; the second time it may be repeated.
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

/// How conditions and restrictions speak of a length.
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

/// None unless the hole is there just once.
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
