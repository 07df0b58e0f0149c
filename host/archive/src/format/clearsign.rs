//! OpenPGP clear-signed text (RFC 9580, 7): finds what was signed.
//!
//! Decides where the signed text begins and ends and takes the dash escapes off. Never verifies the signature: whoever
//! trusts the text verifies the original bytes first. To leave no room for text that nobody signed, anything but
//! empty lines around the one signed message is refused, and so are armour headers other than `Hash`.

use std::borrow::Cow;

/// A text that looks clear-signed and is not well formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClearsignError {
    /// Something stands before the message.
    #[error("line {line}: there is text before the signed message; remove it and sign again")]
    TextBefore {
        /// The line of that text.
        line: usize,
    },
    /// Something stands behind the message.
    #[error("line {line}: there is text after the signature; remove it")]
    TextAfter {
        /// The line of that text.
        line: usize,
    },
    /// A header other than `Hash`.
    #[error("line {line}: the armour header is not known; only Hash is allowed there")]
    Header {
        /// The line of the header.
        line: usize,
    },
    /// A line that begins with a dash and is neither escaped nor the begin of the signature.
    #[error("line {line}: a dash begins the line and is not escaped")]
    Unescaped {
        /// The line.
        line: usize,
    },
    /// The text ends before the signature does.
    #[error("the signature is cut off; transfer or sign the file again")]
    CutOff,
}

/// The text of a file, and whether it was in a clear-signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwrapped<'a> {
    /// The text without armour and escapes.
    pub text: Cow<'a, str>,
    /// How many lines of the file stand before the text.
    pub lines_before: usize,
    /// The armoured signature, from its first to its last line; none where the file is not signed.
    pub signature: Option<&'a str>,
}

const BEGIN_MESSAGE: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const BEGIN_SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const END_SIGNATURE: &str = "-----END PGP SIGNATURE-----";

/// Takes the clear-signature off a text; a text without one stays as it is.
///
/// # Errors
/// The armour is not well formed, or does not hold the whole text.
pub fn unwrap(text: &str) -> Result<Unwrapped<'_>, ClearsignError> {
    let mut lines = Lines { text, position: 0, number: 0 };
    let mut text_before = None;
    loop {
        match lines.next() {
            None => return Ok(Unwrapped { text: Cow::Borrowed(text), lines_before: 0, signature: None }),
            Some(BEGIN_MESSAGE) => break,
            Some("") => {}
            Some(_) => {
                text_before.get_or_insert(lines.number);
            }
        }
    }
    if let Some(line) = text_before {
        return Err(ClearsignError::TextBefore { line });
    }
    loop {
        match lines.next().ok_or(ClearsignError::CutOff)? {
            "" => break,
            header if header.starts_with("Hash: ") => {}
            _ => return Err(ClearsignError::Header { line: lines.number }),
        }
    }
    let lines_before = lines.number;
    let mut signed = String::with_capacity(text.len() - lines.position);
    let signature_start = loop {
        let start = lines.position;
        match lines.next().ok_or(ClearsignError::CutOff)? {
            BEGIN_SIGNATURE => break start,
            line if line.starts_with('-') => {
                signed.push_str(
                    line.strip_prefix("- ").ok_or(ClearsignError::Unescaped { line: lines.number })?,
                );
            }
            line => signed.push_str(line),
        }
        signed.push('\n');
    };
    let signature = loop {
        let start = lines.position;
        match lines.next().ok_or(ClearsignError::CutOff)? {
            END_SIGNATURE => break &text[signature_start..start + END_SIGNATURE.len()],
            line if line.starts_with('-') => return Err(ClearsignError::Unescaped { line: lines.number }),
            _ => {}
        }
    };
    while let Some(line) = lines.next() {
        if !line.is_empty() {
            return Err(ClearsignError::TextAfter { line: lines.number });
        }
    }
    Ok(Unwrapped { text: Cow::Owned(signed), lines_before, signature: Some(signature) })
}

/// The lines of a text, and where they are.
struct Lines<'a> {
    text: &'a str,
    /// Where the next line begins, in bytes.
    position: usize,
    /// The number of the last line that was given, counted from 1.
    number: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let rest = self.text.get(self.position..).filter(|rest| !rest.is_empty())?;
        let line = rest.split_once('\n').map_or(rest, |(line, _)| line);
        self.position += line.len() + 1;
        self.number += 1;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIGNED: &str = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nA: 1\n- -dash\n\n\
        -----BEGIN PGP SIGNATURE-----\n\niQ==\n=abcd\n-----END PGP SIGNATURE-----\n";

    #[test]
    fn takes_armour_and_escapes_off() {
        let unwrapped = unwrap(SIGNED).unwrap();
        assert_eq!(unwrapped.text, "A: 1\n-dash\n\n");
        assert_eq!(unwrapped.lines_before, 3);
        let signature = unwrapped.signature.unwrap();
        assert!(signature.starts_with(BEGIN_SIGNATURE) && signature.ends_with(END_SIGNATURE));
        assert_eq!(unwrap(&format!("\n{SIGNED}\n\n")).unwrap().text, unwrapped.text);
        assert_eq!(unwrap(SIGNED.trim_end()).unwrap().text, unwrapped.text);
    }

    #[test]
    fn leaves_plain_text_alone() {
        let plain = "A: 1\n\n-----BEGIN PGP SIGNATURE-----\n";
        assert_eq!(
            unwrap(plain).unwrap(),
            Unwrapped { text: Cow::Borrowed(plain), lines_before: 0, signature: None }
        );
    }

    #[test]
    fn refuses_text_that_nobody_signed() {
        use ClearsignError::*;
        assert_eq!(unwrap(&format!("A: 1\n\n{SIGNED}")), Err(TextBefore { line: 1 }));
        assert_eq!(unwrap(&format!("{SIGNED}\nB: 2\n")), Err(TextAfter { line: 13 }));
        assert_eq!(unwrap(&format!("{SIGNED}{SIGNED}")), Err(TextAfter { line: 12 }));
        assert_eq!(unwrap(&SIGNED.replace("SHA512\n", "SHA512\nA: 1\n")), Err(Header { line: 3 }));
        assert_eq!(unwrap(&SIGNED.replace("SHA512\n\n", "SHA512\n \n")), Err(Header { line: 3 }));
        assert_eq!(unwrap(&SIGNED.replace("- -dash", "-dash")), Err(Unescaped { line: 5 }));
        assert_eq!(unwrap(&SIGNED.replace("- -dash", BEGIN_MESSAGE)), Err(Unescaped { line: 5 }));
        assert_eq!(unwrap(&SIGNED.replace("iQ==", BEGIN_SIGNATURE)), Err(Unescaped { line: 9 }));
        let line_ends = SIGNED.match_indices('\n').map(|(end, _)| end + 1);
        for end in line_ends.filter(|end| *end < SIGNED.len()).chain([SIGNED.len() - 33]) {
            assert_eq!(unwrap(&SIGNED[..end]), Err(CutOff), "{:?}", &SIGNED[..end]);
        }
    }

    proptest! {
        #[test]
        fn never_panics(parts in prop::collection::vec(
            prop_oneof![
                Just(BEGIN_MESSAGE), Just(BEGIN_SIGNATURE), Just(END_SIGNATURE),
                Just("Hash: x"), Just("- "), Just("-"), Just("é"), Just("\n"), Just("\n")
            ],
            0..20,
        )) {
            let text = parts.concat();
            if let Ok(unwrapped) = unwrap(&text) {
                prop_assert!(unwrapped.signature.is_some() || unwrapped.text == text);
            }
        }
    }
}
