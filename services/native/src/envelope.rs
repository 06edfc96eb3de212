//! The headers of a submitted job, in the one form that `Envelope.to_headers` in pointsman_schemas writes.

/// Number of headers in that form, without and with a signature.
pub const HEADERS: usize = 10;
pub const SIGNED_HEADERS: usize = 11;
const SIGNATURE: &[u8] = b"ce_signature";
/// A record with this header has its value in a store.
pub const DATAREF: &[u8] = b"ce_dataref";
const MOST_SOURCE: usize = 256;

pub type Header<'a> = (&'a [u8], Option<&'a [u8]>);

/// Fields of the record's envelope that the next message takes over. The caller checks that job and agent
/// are valid and equal to those of the value.
#[derive(Clone, Copy)]
pub struct Envelope<'a> {
    pub id: &'a [u8],
    pub agent_id: &'a [u8],
    pub job_id: &'a [u8],
    /// The trace id, in hexadecimal.
    pub trace: &'a [u8],
    pub time: &'a [u8],
    pub signature: Option<&'a [u8]>,
}

impl<'a> Envelope<'a> {
    /// `None` if the headers have another form; the full path handles those.
    pub fn read(headers: &[Header<'a>]) -> Option<Self> {
        const NAMES: [&[u8]; HEADERS] = [
            b"ce_specversion",
            b"ce_id",
            b"ce_source",
            b"ce_type",
            b"ce_time",
            b"ce_agentid",
            b"content-type",
            b"ce_subject",
            b"ce_jobid",
            b"traceparent",
        ];
        let mut values: [&[u8]; HEADERS] = [b""; HEADERS];
        let (own, more) = headers.split_at_checked(HEADERS)?;
        let signature = match more {
            [] => None,
            [(SIGNATURE, Some(text))] => Some(*text),
            _ => return None,
        };
        std::str::from_utf8(signature.unwrap_or_default()).ok()?;
        for (place, (name, value)) in own.iter().enumerate() {
            (*name == NAMES[place]).then_some(())?;
            values[place] = (*value)?;
        }
        let [version, id, source, kind, time, agent_id, _, subject, job_id, parent] = values;
        let is_ours = version == b"1.0"
            && is_uuid(id)
            && is_source(source)
            && kind == b"pointsman.job.submitted.v1"
            && is_time(time)
            && subject == job_id;
        is_ours.then_some(Envelope { id, agent_id, job_id, trace: trace_in(parent)?, time, signature })
    }
}

/// A UUID in lower case with hyphens.
pub fn is_uuid(id: &[u8]) -> bool {
    id.len() == 36
        && id.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => is_digit(byte),
        })
}

fn is_digit(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

pub fn is_source(source: &[u8]) -> bool {
    (1..=MOST_SOURCE).contains(&source.len()) && !source.contains(&0) && std::str::from_utf8(source).is_ok()
}

/// A valid time in the form `2030-01-31T12:00:00.000000Z`.
pub fn is_time(text: &[u8]) -> bool {
    let form = b"0000-00-00T00:00:00.000000Z";
    let fits =
        |(byte, wanted): (&u8, &u8)| if *wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted };
    if text.len() != form.len() || !text.iter().zip(form).all(fits) {
        return false;
    }
    let number = |from: usize, to: usize| {
        text[from..to].iter().fold(0, |all, digit| all * 10 + u32::from(digit - b'0'))
    };
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + is_leap as u32,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    year > 0 && (1..=days).contains(&day) && number(11, 13) < 24 && number(14, 16) < 60 && number(17, 19) < 60
}

/// The trace id in `00-<trace>-<span>-01`.
pub fn trace_in(parent: &[u8]) -> Option<&[u8]> {
    let rest = parent.strip_prefix(b"00-")?.strip_suffix(b"-01")?;
    let fits = rest.len() == 49
        && rest[32] == b'-'
        && rest.iter().enumerate().all(|(at, byte)| at == 32 || is_digit(byte));
    fits.then(|| &rest[..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_one_that_there_is() {
        assert!(is_time(b"2028-02-29T23:59:59.000001Z"));
        for wrong in
            ["2030-02-29T00:00:00.000000Z", "2030-13-01T00:00:00.000000Z", "2030-01-31T24:00:00.000000Z", ""]
        {
            assert!(!is_time(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn a_trace_is_of_lower_case_digits() {
        let trace = "0123456789abcdef0123456789abcdef";
        let parent = format!("00-{trace}-0123456789abcdef-01");
        assert_eq!(trace_in(parent.as_bytes()), Some(trace.as_bytes()));
        assert_eq!(trace_in(parent.to_uppercase().as_bytes()), None);
        assert_eq!(trace_in(b"00--01"), None);
    }
}
