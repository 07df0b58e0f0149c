//! The cleartext signature framework of RFC 9580, section 7: which bytes are signed, and how they stand in
//! the document.
//!
//! Verifiers differ on control characters, lone carriage returns and overlong lines: `gpgv` strips spaces,
//! tabs and carriage returns from line ends, `apt` everything that C calls a space, and GnuPG cuts lines of
//! 20,000 bytes. What they would read differently is refused, so that the signed text has one reading.

use super::{MAX_DOCUMENT_BYTES, SignError};

const HEADER: &str = "-----BEGIN PGP SIGNED MESSAGE-----\n";
const SIGNATURE_HEADER: &str = "-----BEGIN PGP SIGNATURE-----\n";
const SIGNATURE_FOOTER: &str = "-----END PGP SIGNATURE-----\n";

/// The longest line that is signed, in bytes. GnuPG cuts lines beyond 19,995.
const MAX_LINE_BYTES: usize = 16 * 1024;

/// Refuses a document that is empty or too large.
pub(super) fn check_size(document: &[u8]) -> Result<(), SignError> {
    if document.is_empty() {
        return Err(SignError::EmptyDocument);
    }
    if document.len() > MAX_DOCUMENT_BYTES {
        return Err(SignError::DocumentTooLarge {
            size_bytes: document.len(),
            limit_bytes: MAX_DOCUMENT_BYTES,
        });
    }
    Ok(())
}

/// Refuses a text that verifiers would not all read in the same way.
pub(super) fn check(text: &str) -> Result<(), SignError> {
    check_size(text.as_bytes())?;
    if text.trim().is_empty() {
        return Err(SignError::EmptyDocument);
    }
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let unfit = |reason| Err(SignError::UnfitText { line: index + 1, reason });
        let Some(content) = line.strip_suffix('\n') else {
            return unfit("does not end with a newline");
        };
        if content.len() > MAX_LINE_BYTES {
            return unfit("is longer than 16384 bytes, and verifiers would cut it");
        }
        let content = content.strip_suffix('\r').unwrap_or(content);
        if content.contains('\r') {
            return unfit("has a carriage return that ends no line");
        }
        if content.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
            return unfit("has a control character");
        }
    }
    Ok(())
}

/// What the signature covers: lines without their trailing blanks, joined by CR LF; the last line end belongs
/// to the framing, not to the text.
pub(super) fn signed_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() + text.len() / 32);
    for (index, line) in text.strip_suffix('\n').unwrap_or(text).split('\n').enumerate() {
        if index > 0 {
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(without_end_blanks(line).as_bytes());
    }
    bytes
}

/// A line without what stands at its end and is not signed.
pub(super) fn without_end_blanks(line: &str) -> &str {
    line.trim_end_matches([' ', '\t', '\r'])
}

/// The document: `text`, dash-escaped, between its header and the armoured signature.
pub(super) fn frame(text: &str, hash: &str, armored_signature: &str) -> Vec<u8> {
    let mut document = String::with_capacity(text.len() + armored_signature.len() + 256);
    document.push_str(HEADER);
    document.push_str("Hash: ");
    document.push_str(hash);
    document.push_str("\n\n");
    for line in text.split_inclusive('\n') {
        if line.starts_with('-') {
            document.push_str("- ");
        }
        document.push_str(line);
    }
    document.push_str(armored_signature);
    document.into_bytes()
}

/// The digests that the headers of a framed document name.
pub(super) fn hashes(document: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(document);
    let headers = text.lines().skip(1).take_while(|line| !line.is_empty());
    let named = headers.filter_map(|line| line.strip_prefix("Hash: "));
    named.flat_map(|names| names.split(',')).map(|name| name.trim().to_owned()).collect()
}

/// The armoured signature of a document made elsewhere, once it is sure that the document frames `text` and
/// nothing else.
pub(super) fn unframe<'a>(document: &'a [u8], text: &str) -> Result<&'a str, &'static str> {
    let document = std::str::from_utf8(document).map_err(|_| "the document is not UTF-8")?;
    let mut rest =
        document.strip_prefix(HEADER).ok_or("the document does not begin as a cleartext-signed message")?;
    loop {
        let (header, after) = rest.split_once('\n').ok_or("the document ends within its headers")?;
        rest = after;
        if header.is_empty() {
            break;
        }
        if !header.starts_with("Hash: ") {
            return Err("the document has a header other than Hash, which RFC 9580 does not allow");
        }
    }
    let at = rest.rfind(SIGNATURE_HEADER).ok_or("the document has no signature")?;
    let (body, signature) = rest.split_at(at);
    whole_signature(signature.as_bytes())?;

    let mut lines = body.split_inclusive('\n');
    for expected in text.split_inclusive('\n') {
        let line = lines.next().ok_or("the document lacks lines of the text")?;
        let unescaped = match line.strip_prefix("- ") {
            Some(unescaped) => unescaped,
            None if line.starts_with('-') => {
                return Err("the document has a line that should be dash-escaped");
            }
            None => line,
        };
        if unescaped != expected {
            return Err("the document holds another text than the one to be signed");
        }
    }
    if lines.next().is_some() {
        return Err("the document has lines that are not in the text");
    }
    Ok(signature)
}

/// An armoured signature as text, once it is sure that nothing stands before or after it.
pub(super) fn whole_signature(armored: &[u8]) -> Result<&str, &'static str> {
    let text = std::str::from_utf8(armored).map_err(|_| "the signature is not armoured")?;
    if !text.starts_with(SIGNATURE_HEADER) {
        return Err("the answer does not begin with an armoured signature");
    }
    if text.matches("-----BEGIN ").count() != 1 || !text.ends_with(SIGNATURE_FOOTER) {
        return Err("the answer holds more or less than one armoured signature");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_lines_without_trailing_blanks_and_final_newline() {
        for (text, signed) in [
            ("a\n", "a"),
            ("a\nb\n", "a\r\nb"),
            ("a \t\n b\n", "a\r\n b"),
            ("a\r\nb\r\n", "a\r\nb"),
            ("a \r\nb\n", "a\r\nb"),
            ("a\n\n\n", "a\r\n\r\n"),
            ("- a\n-\n", "- a\r\n-"),
        ] {
            assert_eq!(signed_bytes(text), signed.as_bytes(), "{text:?}");
        }
    }

    #[test]
    fn refuses_texts_with_several_readings() {
        for (text, line, part) in [
            ("Origin: a\nLabel: b", 2, "newline"),
            ("Origin: a\rLabel: b\n", 1, "carriage return"),
            ("Origin: a\nLabel: b\r\r\n", 2, "carriage return"),
            ("Origin: a\u{b}\n", 1, "control character"),
            ("Origin: a\n\n\0\n", 3, "control character"),
        ] {
            match check(text) {
                Err(SignError::UnfitText { line: found, reason }) => {
                    assert_eq!(found, line, "{text:?}");
                    assert!(reason.contains(part), "{text:?}: {reason}");
                }
                other => panic!("{text:?}: {other:?}"),
            }
        }
        let long = format!("Origin: {}\n", "a".repeat(MAX_LINE_BYTES));
        assert!(matches!(check(&long), Err(SignError::UnfitText { line: 1, .. })));
        for empty in ["", "\n", " \n\t\n"] {
            assert!(matches!(check(empty), Err(SignError::EmptyDocument)), "{empty:?}");
        }
        let large = "a".repeat(MAX_DOCUMENT_BYTES + 1);
        assert!(matches!(check(&large), Err(SignError::DocumentTooLarge { .. })));
    }

    #[test]
    fn accepts_ordinary_texts() {
        for text in [
            "Origin: a\n",
            "Origin: a\r\n",
            "Label: \n\tb \n",
            "Origin: Ærø\n\n",
            "-----BEGIN PGP SIGNATURE-----\n",
        ] {
            assert!(check(text).is_ok(), "{text:?}");
        }
    }

    const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n";

    #[test]
    fn unframes_what_it_framed() {
        for text in ["a\n", "- a\n--\n\nb \n", "-----BEGIN PGP SIGNATURE-----\n", "a\r\n"] {
            let document = frame(text, "SHA512", SIGNATURE);
            assert_eq!(unframe(&document, text), Ok(SIGNATURE), "{text:?}");
        }
    }

    #[test]
    fn refuses_documents_that_frame_something_else() {
        let framed = String::from_utf8(frame("a\nb\n", "SHA512", SIGNATURE)).unwrap();
        for (document, part) in [
            (framed.replace("b\n", "c\n"), "another text"),
            (framed.replace("b\n", ""), "lacks lines"),
            (framed.replace("b\n", "b\nc\n"), "not in the text"),
            (framed.replace("b\n", "-b\n"), "dash-escaped"),
            (framed.replace("Hash: SHA512\n", "NotDashEscaped: 1\n"), "header other than Hash"),
            (framed.replace("-----BEGIN PGP SIGNED", "-----BEGIN PGP"), "does not begin"),
            (framed.replace("-----END PGP SIGNATURE-----\n", ""), "more or less"),
            (format!("{framed}after\n"), "more or less"),
            (framed.replace("-----BEGIN PGP SIGNATURE-----", ""), "no signature"),
            ("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n".to_owned(), "within its headers"),
            (String::new(), "does not begin"),
        ] {
            let reason = unframe(document.as_bytes(), "a\nb\n").expect_err(&document);
            assert!(reason.contains(part), "{document:?}: {reason}");
        }
    }
}
