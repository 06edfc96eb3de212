//! Verifies signatures, as `identity/verify.py` does. Everything that is not certainly valid is left to the
//! full path.

use crate::used::GOOD_FOR_MS;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

const FORM: &[u8] = b"pointsman-signature-v1\n";
const KEY_ID: usize = 16;

/// A key's id and its 32 bytes.
pub type NamedKey = (Vec<u8>, Vec<u8>);

/// The agents' public keys, if signatures are required. `topic`: the topic name that agents sign.
pub struct Keys {
    topic: Vec<u8>,
    agents: HashMap<Vec<u8>, Vec<(Vec<u8>, VerifyingKey)>>,
}

impl Keys {
    /// An invalid key is left out.
    pub fn new(topic: Vec<u8>, keys: Vec<(Vec<u8>, Vec<NamedKey>)>) -> Self {
        let key = |(id, raw): NamedKey| {
            let raw = raw.as_slice().try_into().ok()?;
            Some((id, VerifyingKey::from_bytes(raw).ok()?))
        };
        let agents =
            keys.into_iter().map(|(agent, keys)| (agent, keys.into_iter().filter_map(key).collect()));
        Keys { topic, agents: agents.collect() }
    }

    /// The 64 bytes of a valid signature, and the time of signing in milliseconds since 1970.
    pub fn verified(&self, agent: &[u8], signed: &Signed, at_ms: i64) -> Option<([u8; 64], i64)> {
        let (id, text) = (signed.signature.get(..KEY_ID)?, signed.signature.get(KEY_ID + 1..)?);
        (signed.signature[KEY_ID] == b':').then_some(())?;
        let (_, key) = self.agents.get(agent)?.iter().find(|(own, _)| own == id)?;
        let raw = decoded(text)?;
        let time_ms = milliseconds(signed.time)?;
        ((at_ms - time_ms).abs() <= GOOD_FOR_MS).then_some(())?;
        let mut text = Vec::with_capacity(256);
        text.extend_from_slice(FORM);
        for line in [&self.topic, signed.id, signed.time] {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        for byte in Sha256::digest(signed.value) {
            text.extend([byte >> 4, byte & 0xF].map(|digit| b"0123456789abcdef"[usize::from(digit)]));
        }
        key.verify_strict(&text, &Signature::from_bytes(&raw)).ok()?;
        Some((raw, time_ms))
    }
}

/// The signed fields of a record, and its signature. `id` and `time` have the form that `pointsman.client`
/// writes.
pub struct Signed<'a> {
    pub id: &'a [u8],
    pub time: &'a [u8],
    pub value: &'a [u8],
    pub signature: &'a [u8],
}

/// Decodes 64 bytes from canonical base64.
fn decoded(text: &[u8]) -> Option<[u8; 64]> {
    let digits = text.strip_suffix(b"==").filter(|digits| digits.len() == 86)?;
    let mut raw = [0; 64];
    let (mut bits, mut held, mut at) = (0u32, 0, 0);
    for digit in digits {
        let number = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(number);
        held += 6;
        if held >= 8 {
            held -= 8;
            raw[at] = (bits >> held) as u8;
            at += 1;
            bits &= (1 << held) - 1;
        }
    }
    (bits == 0).then_some(raw)
}

/// Milliseconds of a valid time such as `2030-01-31T12:00:00.000000Z`.
fn milliseconds(time: &[u8]) -> Option<i64> {
    let number = |from: usize, to: usize| {
        time.get(from..to)?
            .iter()
            .try_fold(0i64, |all, digit| digit.is_ascii_digit().then(|| all * 10 + i64::from(digit - b'0')))
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let seconds = number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
    // days since 1970; years begin in March, so that a leap day is the last day of its year
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some((days * 86_400 + seconds) * 1000 + number(20, 23)?)
}

/// The partition that Java's default partitioner gives a key.
pub fn partition_of(key: &[u8], partitions: i32) -> i32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ key.len() as u32;
    let mut words = key.chunks_exact(4);
    for word in &mut words {
        let mut word = u32::from_le_bytes(word.try_into().expect("four")).wrapping_mul(M);
        word = (word ^ word >> 24).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ word;
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (at, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * at);
        }
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ hash >> 13).wrapping_mul(M);
    ((hash ^ hash >> 15) & 0x7FFF_FFFF) as i32 % partitions.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_as_long_after_1970_as_it_says() {
        assert_eq!(milliseconds(b"1970-01-01T00:00:00.000000Z"), Some(0));
        assert_eq!(milliseconds(b"2026-11-25T17:53:29.123999Z"), Some(1_795_629_209_123));
        assert_eq!(milliseconds(b"2028-02-29T00:00:00.000000Z"), Some(1_835_395_200_000));
        assert_eq!(milliseconds(b"2028"), None);
    }

    #[test]
    fn a_signature_has_one_written_form() {
        let mut text = [b'A'; 88];
        text[86..].fill(b'=');
        assert_eq!(decoded(&text), Some([0; 64]));
        text[85] = b'B'; // unused bits
        assert_eq!(decoded(&text), None);
        assert_eq!(decoded(b"AA=="), None);
    }

    #[test]
    fn a_key_is_where_java_puts_it() {
        // From org.apache.kafka.common.utils.UtilsTest.
        for (key, hash) in [("21", -973_932_308_i32), ("foobar", -790_332_482), ("abc", 479_470_107)] {
            assert_eq!(partition_of(key.as_bytes(), i32::MAX), (hash & 0x7FFF_FFFF) % i32::MAX, "{key}");
        }
    }
}
