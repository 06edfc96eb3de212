//! The features of a text that the score uses, as in `score/features.py`, as rows of a model's weights.

use crate::job::count_chars;
use std::ops::Range;

const HEAD: usize = 1_500;
const TAIL: usize = 500;
const OPTIONS: &[u8] = b"\na. ";
/// The kinds of shape, in the order of their steps in `Shape`.
const SHAPES: [&str; KINDS] = [
    "length",
    "asked",
    "lines",
    "digits",
    "backslashes",
    "dollars",
    "brackets",
    "sentences",
    "equals",
    "numbers",
    "spread",
];
pub const KINDS: usize = 11;
/// More steps than any kind of shape has.
const STEPS: usize = 128;

/// The text's step for each kind of shape.
pub type Shape = [u32; KINDS];

/// The rows of the weights of each word, sign and shape.
pub struct Vocabulary {
    words: Words,
    signs: [Option<u32>; 256],
    shapes: Vec<Option<u32>>,
}

/// The features of a text. One object is reused for all texts.
#[derive(Default)]
pub struct TextFeatures {
    /// The row of each known feature, once.
    pub rows: Vec<u32>,
    /// Share of the text's distinct words that the model knows, times the share of the text that was read.
    pub known: f64,
    raw: Vec<u8>,
    /// Positions of words that the model does not know.
    strangers: Vec<Range<usize>>,
    met: Vec<u32>,
    turn: u32,
}

/// Properties of a text apart from its words.
struct Counts {
    bytes: [u32; 256],
    sentences: u32,
    numbers: u32,
}

impl Vocabulary {
    /// `names` are the features of the model file; a feature's index is its row.
    pub fn new(names: &[Vec<u8>]) -> Self {
        let mut made = Vocabulary {
            words: Words::new(names.len()),
            signs: [None; 256],
            shapes: vec![None; KINDS * STEPS],
        };
        for (row, name) in names.iter().enumerate() {
            let row = row as u32;
            if name.len() == 1 && IS_SIGN[name[0] as usize] {
                made.signs[name[0] as usize] = Some(row);
            } else if let Some(place) = shape_named(name) {
                made.shapes[place] = Some(row);
            } else {
                made.words.add(name, row);
            }
        }
        made
    }

    /// Finds all features of a text.
    pub fn look(&self, text: &[u8], features: &mut TextFeatures) {
        let chars = count_chars(text);
        features.begin(self.words.rows);
        read_ends(text, chars, &mut features.raw);
        let mut known = 0;
        let counts =
            walk(&features.raw, |range, hash| match self.words.find(&features.raw[range.clone()], hash) {
                Some(row) if features.met[row as usize] != features.turn => {
                    features.met[row as usize] = features.turn;
                    features.rows.push(row);
                    known += 1;
                }
                Some(_) => {}
                None => features.strangers.push(range),
            });
        let raw = &features.raw;
        features.strangers.sort_unstable_by(|one, two| raw[one.clone()].cmp(&raw[two.clone()]));
        features.strangers.dedup_by(|one, two| raw[one.clone()] == raw[two.clone()]);
        let distinct = known + features.strangers.len();
        let share = if chars > HEAD + TAIL { (HEAD + TAIL) as f64 / chars as f64 } else { 1.0 };
        features.known = if distinct > 0 { known as f64 / distinct as f64 * share } else { 0.0 };
        features
            .rows
            .extend((0..256).filter(|&sign| counts.bytes[sign] > 0).filter_map(|sign| self.signs[sign]));
        for (kind, step) in counts.shape(raw, chars).into_iter().enumerate() {
            features.rows.extend(self.shapes[kind * STEPS + (step as usize).min(STEPS - 1)]);
        }
    }
}

impl TextFeatures {
    fn begin(&mut self, rows: usize) {
        self.rows.clear();
        self.strangers.clear();
        self.met.resize(rows, 0);
        self.turn = self.turn.wrapping_add(1);
        if self.turn == 0 {
            self.met.fill(0);
            self.turn = 1;
        }
    }
}

/// The shape of a text only.
pub fn shape_of(text: &[u8]) -> Shape {
    let chars = count_chars(text);
    let mut raw = Vec::new();
    read_ends(text, chars, &mut raw);
    walk(&raw, |_, _| {}).shape(&raw, chars)
}

/// The part of a text that is read, its beginning and its end, in lower case and with all digits equal.
fn read_ends(text: &[u8], chars: usize, into: &mut Vec<u8>) {
    let alike = |part: &[u8], into: &mut Vec<u8>| into.extend(part.iter().map(|&byte| ALIKE[byte as usize]));
    into.clear();
    if chars > HEAD + TAIL {
        alike(&text[..place_of(text, HEAD)], into);
        into.push(b'\n');
        alike(&text[place_of(text, chars - TAIL)..], into);
    } else {
        alike(text, into);
    }
}

/// Reads a text once. `word` gets each word's position and hash.
fn walk(raw: &[u8], mut word: impl FnMut(Range<usize>, u64)) -> Counts {
    let mut counts = Counts { bytes: [0; 256], sentences: 0, numbers: 0 };
    let (mut start, mut hash, mut before) = (0, SEED, 0u8);
    for (at, &byte) in raw.iter().enumerate() {
        counts.bytes[byte as usize] += 1;
        counts.sentences += (before == b'.' && byte == b' ') as u32;
        counts.numbers += (before == b' ' && byte == b'0') as u32;
        before = byte;
        if !PARTS[byte as usize] {
            hash = mixed(hash, byte);
            continue;
        }
        if at > start {
            word(start..at, hash);
        }
        (start, hash) = (at + 1, SEED);
    }
    if raw.len() > start {
        word(start..raw.len(), hash);
    }
    counts
}

impl Counts {
    fn shape(&self, raw: &[u8], chars: usize) -> Shape {
        let count = |byte: u8| self.bytes[byte as usize];
        let size = raw.len() as u32;
        let asked = if count(b'\n') > 0 { raw.windows(4).position(|part| part == OPTIONS) } else { None };
        [
            bit_length_of_square(chars),
            bit_length_of_square(asked.unwrap_or(chars)),
            (count(b'\n') / 2).min(15),
            20 * count(b'0') / (size + 1),
            count(b'\\').min(8),
            count(b'$').min(6),
            (count(b'(') + count(b'[')).min(10),
            self.sentences.min(8),
            count(b'=').min(6),
            self.numbers.min(12),
            (size / (count(b' ') + 1)).min(12),
        ]
    }
}

/// The words of a model: a hash table with linear probing.
struct Words {
    /// Start and end in `text`, and row; an end of 0 means free.
    places: Vec<(u32, u32, u32)>,
    text: Vec<u8>,
    rows: usize,
}

impl Words {
    fn new(rows: usize) -> Self {
        Words { places: vec![(0, 0, 0); (4 * rows + 4).next_power_of_two()], text: vec![0], rows }
    }

    fn add(&mut self, word: &[u8], row: u32) {
        let hash = word.iter().fold(SEED, |hash, &byte| mixed(hash, byte));
        let at = self.slots(hash).find(|&at| self.places[at].1 == 0).expect("a quarter is full at most");
        let start = self.text.len();
        self.text.extend_from_slice(word);
        self.places[at] = (start as u32, self.text.len() as u32, row);
    }

    fn find(&self, word: &[u8], hash: u64) -> Option<u32> {
        for at in self.slots(hash) {
            let (start, end, row) = self.places[at];
            if end == 0 {
                return None;
            }
            if &self.text[start as usize..end as usize] == word {
                return Some(row);
            }
        }
        None
    }

    fn slots(&self, hash: u64) -> impl Iterator<Item = usize> {
        let count = self.places.len();
        let first = (hash ^ hash >> 32) as usize;
        (0..count).map(move |step| (first + step) & (count - 1))
    }
}

/// FNV-1a. The vocabulary is fixed and unknown words are only looked up, so input cannot fill the table.
const SEED: u64 = 0xCBF29CE484222325;

fn mixed(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x100000001B3)
}

/// The byte position of character number `chars`.
fn place_of(text: &[u8], chars: usize) -> usize {
    let begins = text.iter().enumerate().filter(|(_, &byte)| byte & 0xC0 != 0x80);
    begins.map(|(at, _)| at).nth(chars).unwrap_or(text.len())
}

fn bit_length_of_square(number: usize) -> u32 {
    let square = number as u128 * number as u128;
    128 - square.leading_zeros()
}

fn shape_named(name: &[u8]) -> Option<usize> {
    let (kind, step) = std::str::from_utf8(name).ok()?.split_once(' ')?;
    let kind = SHAPES.iter().position(|shape| *shape == kind)?;
    let step: usize = step.parse().ok()?;
    (step < STEPS).then_some(kind * STEPS + step)
}

/// Maps all digits to one, and capital letters to small ones.
static ALIKE: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let plain = byte as u8;
        table[byte] = match plain {
            b'1'..=b'9' => b'0',
            _ => plain.to_ascii_lowercase(),
        };
        byte += 1;
    }
    table
};

/// Whether a byte is not part of a word; the backslash is part of one.
static IS_SIGN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 33;
    while byte < 127 {
        table[byte] = !(byte as u8).is_ascii_alphanumeric() && byte as u8 != b'\\';
        byte += 1;
    }
    table
};

/// Whether a byte separates words.
static PARTS: [bool; 256] = {
    let mut table = IS_SIGN;
    let mut byte = 0;
    while byte <= 32 {
        table[byte] = true;
        byte += 1;
    }
    table[127] = true;
    table
};
