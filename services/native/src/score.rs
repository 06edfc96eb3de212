//! The learned score, bit for bit as in `score/net.py`, `score/exact.py` and `score/choose.py`.
//!
//! Floating-point operations have the same order as there and must not be rearranged.

use crate::words::{TextFeatures, Vocabulary};
use std::f64::consts::LN_2;

const UNIT: u32 = 12;
const LENGTH: u32 = 16;

pub struct Head {
    pub weights: Vec<i64>,
    pub bias: i64,
    pub slope: f64,
    pub offset: f64,
}

/// A model prepared for one policy. Tiers are in ascending order in both.
pub struct Model {
    pub vocabulary: Vocabulary,
    /// For each feature one weight per hidden unit, then the square of its rarity.
    pub rows: Vec<i32>,
    pub biases: Vec<i64>,
    pub heads: Vec<Head>,
    /// The minimum share of known words.
    pub floor: f64,
    pub rate: f64,
    pub margin: f64,
    /// For each tier, its current price divided by its price at training time.
    pub prices: Vec<f64>,
    /// The policy's name for each tier of the model.
    pub tiers: Vec<Vec<u8>>,
    /// Name and version, as written in decisions.
    pub name: Vec<u8>,
}

/// The result for one text, as JSON. One object is reused for all texts.
#[derive(Default)]
pub struct Scored {
    features: TextFeatures,
    sums: Vec<i64>,
    /// The chosen tier, or `SUSPENDED`.
    pub choice: usize,
    /// The decision's `score`.
    pub score: Vec<u8>,
    /// The score's checks.
    pub checks: Vec<u8>,
}

/// Used instead of a tier if the score cannot decide.
pub const SUSPENDED: usize = usize::MAX;

impl Scored {
    /// The score is not used, for the reason in this check.
    pub fn suspended(&mut self, check: &[u8]) {
        self.choice = SUSPENDED;
        self.score.clear();
        self.checks.clear();
        self.checks.extend_from_slice(check);
    }
}

struct Compared {
    tier: usize,
    sufficient: f64,
    required: f64,
}

struct Estimate {
    sufficient: Vec<f64>,
    better: Vec<f64>,
    cost: Vec<f64>,
}

impl Model {
    /// Scores `text`. `open` has a bit for each permitted tier. `None` if the full path must do it.
    pub fn look(&self, text: &[u8], open: u64, into: &mut Scored) -> Option<()> {
        into.score.clear();
        into.checks.clear();
        let usable: Vec<usize> = (0..self.tiers.len()).filter(|at| open >> at & 1 == 1).collect();
        let last = *usable.last()?;
        self.vocabulary.look(text, &mut into.features);
        if into.features.known < self.floor {
            return self.unfamiliar(into);
        }
        let estimate = self.estimate(into)?;
        let compared = self.compare(&estimate, &usable, last)?;
        let reached = compared.iter().find(|tier| tier.sufficient > tier.required);
        into.choice = reached.map_or(last, |tier| tier.tier);
        for tier in &compared {
            self.write_compared(tier, &mut into.checks)?;
            into.checks.push(b',');
        }
        into.checks.pop();
        match compared.iter().find(|tier| tier.tier == into.choice) {
            Some(chosen) => {
                let threshold = if chosen.required > 0.0 { chosen.required } else { 0.0 };
                let threshold = if threshold < 1.0 { threshold } else { 1.0 };
                self.write_score(chosen.sufficient, threshold, &mut into.score)
            }
            None => {
                if !compared.is_empty() {
                    into.checks.push(b',');
                }
                let detail = "no cheaper tier is sure enough, so the strongest that is open does it";
                write_check(&self.tiers[into.choice], true, detail.as_bytes(), &mut into.checks);
                self.write_score(1.0, 1.0, &mut into.score)
            }
        }
    }

    fn unfamiliar(&self, into: &mut Scored) -> Option<()> {
        let detail = format!(
            "unfamiliar text: {} < {} of its words known: the fallback decides",
            fixed(into.features.known, 2)?,
            fixed(self.floor, 2)?
        );
        let mut check = Vec::new();
        write_check(b"in-doubt", false, detail.as_bytes(), &mut check);
        into.suspended(&check);
        Some(())
    }

    fn estimate(&self, into: &mut Scored) -> Option<Estimate> {
        let width = self.biases.len() + 1;
        into.sums.clear();
        into.sums.resize(width, 0);
        for &row in &into.features.rows {
            let weights = &self.rows[row as usize * width..][..width];
            for (sum, &weight) in into.sums.iter_mut().zip(weights) {
                *sum += weight as i64;
            }
        }
        if into.sums.iter().any(|&sum| i32::try_from(sum).is_err()) {
            return None;
        }
        let square = into.sums.pop()?.max(0) as u64;
        let length = (square << LENGTH).isqrt().max(1) as i64;
        let active: Vec<i64> = into
            .sums
            .iter()
            .zip(&self.biases)
            .map(|(&sum, &bias)| ((sum << UNIT).div_euclid(length) + bias).max(0))
            .collect();
        let logits = self.heads.iter().map(|head| {
            let output = active.iter().zip(&head.weights).map(|(&unit, &weight)| unit * weight).sum::<i64>()
                + head.bias;
            output as f64 * head.slope + head.offset
        });
        let logits: Vec<f64> = logits.collect();
        let below = self.tiers.len() - 1;
        let mut sufficient: Vec<f64> = logits[..below].iter().map(|&logit| 1.0 - sigmoid(logit)).collect();
        sufficient.push(1.0);
        let mut better: Vec<f64> = logits[below..2 * below].iter().map(|&logit| sigmoid(logit)).collect();
        better.push(0.0);
        let of_training = *self.prices.last()?;
        let costs = logits[2 * below..].iter().zip(&self.prices);
        let cost = costs.map(|(&logit, &price)| exp(logit) * price / of_training).collect();
        Some(Estimate { sufficient, better, cost })
    }

    /// The permitted tiers below the last, in ascending order; `None` if a value is not a number.
    fn compare(&self, of: &Estimate, usable: &[usize], last: usize) -> Option<Vec<Compared>> {
        let all = of.sufficient.iter().chain(&of.better).chain(&of.cost);
        all.clone().chain([&self.rate, &self.margin]).all(|number| number.is_finite()).then_some(())?;
        let strongest = self.tiers.len() - 1;
        let mut best = 0.0;
        if last != strongest {
            let gained = of.sufficient[last] + of.better[last] - 1.0;
            best = gained + self.rate * (of.cost[strongest] - of.cost[last]) - self.margin;
        }
        let mut compared = Vec::new();
        for &at in usable[..usable.len() - 1].iter().rev() {
            let spared = self.rate * (of.cost[strongest] - of.cost[at]);
            let required = 1.0 - of.better[at] - spared + self.margin + best;
            if of.sufficient[at] > required {
                best += of.sufficient[at] - required;
            }
            compared.push(Compared { tier: at, sufficient: of.sufficient[at], required });
        }
        compared.reverse();
        Some(compared)
    }

    fn write_compared(&self, compared: &Compared, out: &mut Vec<u8>) -> Option<()> {
        let (left, right) = (fixed(compared.sufficient, 4)?, fixed(compared.required, 4)?);
        if left == right {
            return None; // equal when rounded, so all digits are written: rare, left to the full path
        }
        let passed = compared.sufficient > compared.required;
        let detail = format!("{left} {} {right}", if passed { '>' } else { '<' });
        write_check(&self.tiers[compared.tier], passed, detail.as_bytes(), out);
        Some(())
    }

    fn write_score(&self, sufficient: f64, threshold: f64, out: &mut Vec<u8>) -> Option<()> {
        out.extend_from_slice(b"{\"model\":\"");
        out.extend_from_slice(&self.name);
        out.extend_from_slice(
            format!("\",\"sufficient\":{},\"threshold\":{}}}", shortest(sufficient)?, shortest(threshold)?)
                .as_bytes(),
        );
        Some(())
    }
}

fn write_check(name: &[u8], passed: bool, detail: &[u8], out: &mut Vec<u8>) {
    for piece in [
        b"{\"layer\":\"score\",\"name\":\"",
        name,
        b"\",\"passed\":",
        if passed { b"true" } else { b"false" },
        b",\"detail\":\"",
        detail,
        b"\"}",
    ] as [&[u8]; 7]
    {
        out.extend_from_slice(piece);
    }
}

/// Formats like Python's `.2f` and `.4f`; `None` for rounding ties and for values that round to zero.
fn fixed(number: f64, digits: i32) -> Option<String> {
    let halves = number * 2.0 * 10f64.powi(digits);
    let is_tie = halves.fract() == 0.0 && halves % 2.0 != 0.0;
    let vanishes = number.abs() < 10f64.powi(-digits);
    (!is_tie && (!vanishes || number == 0.0)).then(|| format!("{number:.*}", digits as usize))
}

/// The shortest text for this double; `None` if serialisers differ about the exponent.
fn shortest(number: f64) -> Option<String> {
    (number == 0.0 || (1e-3..1e3).contains(&number)).then(|| format!("{number:?}"))
}

/// e to the power of x, as in `score/exact.py`.
fn exp(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    let x = x.clamp(-40.0, 40.0);
    let halvings = (x / LN_2).round_ties_even();
    let r = x - halvings * LN_2;
    let near = 1.0 + r / 8.0 * (1.0 + r / 9.0 * (1.0 + r / 10.0 * (1.0 + r / 11.0)));
    let near = 1.0 + r / 4.0 * (1.0 + r / 5.0 * (1.0 + r / 6.0 * (1.0 + r / 7.0 * near)));
    let near = 1.0 + r * (1.0 + r / 2.0 * (1.0 + r / 3.0 * near));
    near * f64::from_bits(((1023 + halvings as i64) as u64) << 52)
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}
