//! Decisions that were made before, for jobs that differ only in what no rule looks at: as `router/plans.py`.
//!
//! Of a scored job, what the score said stands in the plan as holes, too, and the tier that it chose is one
//! of the facts. A plan is used for other lengths and scores once a second decision came out as it has it.

use crate::score::{Scored, DOUBT};
use std::collections::HashMap;

/// So many are kept; beyond it all are forgotten, and learnt again.
const KEPT: usize = 5_000;

#[derive(Clone)]
enum Piece {
    Bytes(Vec<u8>),
    Length,
    Score,
    Rungs,
}

/// A decision as JSON, in pieces; `tag` is whoever learnt it's name for its tier and rule.
#[derive(Clone)]
pub struct Plan {
    pub tier: usize,
    pub tag: usize,
    pieces: Vec<Piece>,
}

enum State {
    Unsure {
        chars: usize,
        plan: Plan,
    },
    Sure(Plan),
    /// Two lengths did not fit one plan.
    Never,
}

/// Whether the score is asked for jobs with these facts, and for which tiers (a bit for each).
#[derive(Clone, Copy, PartialEq)]
pub enum Asks {
    Nobody,
    Score(u64),
}

#[derive(Default)]
pub struct Plans {
    asks: HashMap<Vec<u8>, Asks>,
    /// By facts, and behind them the score's choice.
    states: HashMap<Vec<u8>, State>,
}

impl Plan {
    fn of(made: &[u8], chars: usize, scored: Option<&Scored>, tier: usize, tag: usize) -> Option<Self> {
        let mut pieces = vec![Piece::Bytes(made.to_vec())];
        if let Some(scored) = scored {
            if scored.choice != DOUBT {
                pieces = split_once(pieces, &scored.score, Piece::Score)?;
            }
            pieces = split_once(pieces, &scored.rungs, Piece::Rungs)?;
        }
        Some(Plan { tier, tag, pieces: split(pieces, &words(chars), &Piece::Length) })
    }

    /// The decision for a job of so many characters, of which the score said this.
    pub fn write(&self, chars: usize, scored: Option<&Scored>, out: &mut Vec<u8>) {
        let words = words(chars);
        for piece in &self.pieces {
            out.extend_from_slice(match (piece, scored) {
                (Piece::Bytes(bytes), _) => bytes,
                (Piece::Length, _) => &words,
                (Piece::Score, Some(scored)) => &scored.score,
                (Piece::Rungs, Some(scored)) => &scored.rungs,
                _ => unreachable!("only a scored plan has these holes"),
            });
        }
    }
}

impl Plans {
    /// Whether the score is to be asked; None where no job with these facts was decided yet.
    pub fn asks(&self, facts: &[u8]) -> Option<Asks> {
        self.asks.get(facts).copied()
    }

    /// The plan to rely on, if there is one. `facts`: the score's choice is among them, if one was asked.
    pub fn find(&self, facts: &[u8], chars: usize) -> Option<&Plan> {
        match self.states.get(facts)? {
            State::Sure(plan) => Some(plan),
            State::Unsure { chars: first, plan } if *first == chars => Some(plan),
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

    /// Note what was decided; the second time it becomes a plan.
    pub fn learn(
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
                let state = match Plan::of(made, chars, scored, tier, tag) {
                    Some(plan) => State::Unsure { chars, plan },
                    None => State::Never,
                };
                self.states.insert(facts.to_vec(), state);
            }
            Some(state) => {
                let State::Unsure { chars: first, plan } = state else { return };
                if *first != chars {
                    let mut again = Vec::with_capacity(made.len());
                    plan.write(chars, scored, &mut again);
                    *state = if again == made { State::Sure(plan.clone()) } else { State::Never };
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
