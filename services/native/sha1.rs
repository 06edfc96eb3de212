//! SHA-1 (FIPS 180-4), of which a UUID of version 5 is made.

/// The digest of at most 119 bytes.
pub fn sha1(message: &[u8]) -> [u8; 20] {
    assert!(message.len() < 120);
    let mut padded = [0u8; 128];
    let size = if message.len() < 56 { 64 } else { 128 };
    padded[..message.len()].copy_from_slice(message);
    padded[message.len()] = 0x80;
    padded[size - 8..size].copy_from_slice(&(message.len() as u64 * 8).to_be_bytes());
    let mut state = [0x67452301u32, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0];
    for block in padded[..size].chunks_exact(64) {
        mix(&mut state, block);
    }
    let mut digest = [0; 20];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

fn mix(state: &mut [u32; 5], block: &[u8]) {
    let mut words = [0u32; 80];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    for at in 16..80 {
        words[at] = (words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16]).rotate_left(1);
    }
    let mut mixed = *state;
    rounds(&mut mixed, &words[..20], 0x5A827999, |b, c, d| d ^ b & (c ^ d));
    rounds(&mut mixed, &words[20..40], 0x6ED9EBA1, |b, c, d| b ^ c ^ d);
    rounds(&mut mixed, &words[40..60], 0x8F1BBCDC, |b, c, d| b & c | d & (b | c));
    rounds(&mut mixed, &words[60..], 0xCA62C1D6, |b, c, d| b ^ c ^ d);
    for (old, new) in state.iter_mut().zip(mixed) {
        *old = old.wrapping_add(new);
    }
}

#[inline(always)]
fn rounds(state: &mut [u32; 5], words: &[u32], constant: u32, mix: impl Fn(u32, u32, u32) -> u32) {
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    for &word in words {
        let added = e.wrapping_add(constant).wrapping_add(word).wrapping_add(mix(b, c, d));
        let next = a.rotate_left(5).wrapping_add(added);
        (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
    }
    *state = [a, b, c, d, e];
}
