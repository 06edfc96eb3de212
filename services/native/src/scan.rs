//! Skips over JSON without rewriting it.

use crate::json::{Reader, MAX_DIGITS};

impl<'a> Reader<'a> {
    /// The next byte after whitespace, not consumed.
    pub fn next_byte(&mut self) -> Option<u8> {
        self.skip_space();
        self.peek()
    }

    pub fn place(&self) -> usize {
        self.at
    }

    pub fn go_back(&mut self, place: usize) {
        self.at = place;
    }

    /// The bytes from `place` to here.
    pub fn since(&self, place: usize) -> &'a [u8] {
        &self.text[place..self.at]
    }

    /// Consumes `true` or `false` if there is one.
    pub fn takes_bool(&mut self) -> bool {
        self.skip_space();
        [&b"true"[..], b"false"].iter().any(|word| self.word(word, &mut Vec::new()).is_some())
    }

    /// A string as written, without its quotes.
    pub fn skip_text(&mut self) -> Option<&'a [u8]> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            self.skip_plain();
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    self.at += 1;
                    self.escape()?;
                }
                _ => return None, // control character
            }
        }
        self.at += 1;
        Some(&self.text[start..self.at - 1])
    }

    /// An integer with at most 18 digits.
    pub fn integer(&mut self) -> Option<i64> {
        self.skip_space();
        let start = self.at;
        self.plain_number()?;
        std::str::from_utf8(&self.text[start..self.at]).ok()?.parse().ok()
    }

    /// A number without an exponent, with at most 18 digits before the point and 18 after it.
    pub fn decimal(&mut self) -> Option<f64> {
        self.skip_space();
        let start = self.at;
        self.plain_number()?;
        std::str::from_utf8(&self.text[start..self.at]).ok()?.parse().ok()
    }

    fn plain_number(&mut self) -> Option<()> {
        let is_negative = self.peek() == Some(b'-');
        self.at += is_negative as usize;
        let whole = self.digits();
        if whole.is_empty() || (whole.len() > 1 && whole[0] == b'0') || whole.len() > MAX_DIGITS {
            return None;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            (1..=MAX_DIGITS).contains(&self.digits().len()).then_some(())?;
        } else if is_negative && whole == b"0" {
            return None;
        }
        (!matches!(self.peek(), Some(b'e' | b'E'))).then_some(())
    }
}
