//! Control files: paragraphs of `Name: value` fields (Debian Policy 5.1).
//!
//! Decides where fields and paragraphs begin and end; what a field means is its reader's affair. Everything is
//! borrowed from the text; a value is kept raw, its continuation lines with their newlines and leading blanks,
//! so that it can be written again as it was.
//!
//! Stricter than dpkg in what is ambiguous, since apt, dpkg and scripts must all read the same out of what is published:
//! - lines end in LF. dpkg takes a CR before it for white space, others take it for text; refused, as are all
//!   control characters except the tab.
//! - text is UTF-8; dpkg does not look.
//! - a line of nothing but blanks is refused (so does dpkg in binary packages): it is either an empty line of a value,
//!   which is written ` .`, or an end of the paragraph, which is an empty line.
//! - the colon follows the name at once.
//! - comments are refused: of all control files only those of an unpacked source package may have them, and these are
//!   not read here.
//!
//! A missing newline at the end of the text is tolerated.

use std::str;

/// The longest control file, or paragraph of a longer file, in bytes.
pub const MAX_CONTROL_BYTES: usize = 2 * 1024 * 1024;
/// The largest number of fields in a paragraph.
pub const MAX_FIELDS: usize = 512;

/// A text that is no control file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ControlError {
    /// The line, counted from 1.
    pub line: usize,
    /// Which rule the line breaks.
    pub reason: ControlFault,
}

/// The rule that a line breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlFault {
    /// More bytes than are read.
    #[error("the control text is longer than {most} bytes")]
    TooLong {
        /// The largest number of bytes.
        most: usize,
    },
    /// More fields than are read.
    #[error("the paragraph has more than {most} fields")]
    TooManyFields {
        /// The largest number of fields.
        most: usize,
    },
    /// Bytes that are no UTF-8.
    #[error("the text is not UTF-8; convert the file")]
    NotUtf8,
    /// A carriage return.
    #[error("there is a carriage return; lines must end in a line feed alone")]
    CarriageReturn,
    /// NUL and its like.
    #[error("the control character {0:?} is not allowed")]
    ControlCharacter(char),
    /// A line with `#` in front.
    #[error("comments are not allowed here; remove the line")]
    Comment,
    /// Neither a field nor a continuation.
    #[error(
        "there is no colon; a line is \"Name: value\", or begins with a blank to continue the value before it"
    )]
    NoColon,
    /// A colon without a name.
    #[error("the field name before the colon is empty")]
    NoName,
    /// A name with a character that names cannot have.
    #[error("{0:?} is not allowed in a field name")]
    BadNameCharacter(char),
    /// A name that begins with a dash.
    #[error("a field name must not begin with a dash")]
    BadNameStart,
    /// The same field twice in a paragraph.
    #[error("the field {name} is there twice")]
    Duplicate {
        /// The field as it is spelled the second time.
        name: String,
    },
    /// A continuation without a field.
    #[error("the line begins with a blank, but there is no field that it could continue")]
    NothingToContinue,
    /// White space that could be taken for an empty line of a value or for the end of the paragraph.
    #[error("the line has nothing but blanks; write \" .\" for an empty line inside a value")]
    BlankLine,
    /// No paragraph at all.
    #[error("there is no paragraph")]
    NoParagraph,
    /// More than one paragraph where there is to be one.
    #[error("a second paragraph begins, and only one is allowed here")]
    SecondParagraph,
}

/// A field of a paragraph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name as it is spelled.
    pub name: &'a str,
    /// The value without blanks around it; continuation lines keep their leading blank. Begins with a newline where
    /// the first line is empty.
    pub value: &'a str,
    /// The line on which the field begins, counted from 1.
    pub line: usize,
}

/// A paragraph: fields in the order in which they were written, none of them twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paragraph<'a> {
    fields: Vec<Field<'a>>,
}

impl<'a> Paragraph<'a> {
    /// The value of the field, whose name is found in any spelling of case (Policy 5.1).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.field(name).map(|field| field.value)
    }

    /// The field with its spelling and line.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Field<'a>> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)).copied()
    }

    /// Names and raw values in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> + '_ {
        self.fields.iter().map(|field| (field.name, field.value))
    }

    /// The fields in order.
    #[must_use]
    pub fn fields(&self) -> &[Field<'a>] {
        &self.fields
    }
}

/// The bytes as text that is short enough to be one control file.
///
/// # Errors
/// Too long, or not UTF-8.
pub fn text(bytes: &[u8]) -> Result<&str, ControlError> {
    if bytes.len() > MAX_CONTROL_BYTES {
        return Err(ControlError { line: 1, reason: ControlFault::TooLong { most: MAX_CONTROL_BYTES } });
    }
    str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        ControlError { line, reason: ControlFault::NotUtf8 }
    })
}

/// The paragraphs of a text, which may be long; each of them is bounded. Ends after the first error.
#[must_use]
pub fn paragraphs(text: &str) -> Paragraphs<'_> {
    Paragraphs { lexer: Lexer::new(text), failed: false }
}

/// The one paragraph of a text.
///
/// # Errors
/// No paragraph, more than one, or one that is not well formed.
pub fn single_paragraph(text: &str) -> Result<Paragraph<'_>, ControlError> {
    single_paragraph_from(text, 1)
}

/// The one paragraph of a text that is a part of a file and begins on its line `first_line`.
pub(crate) fn single_paragraph_from(text: &str, first_line: usize) -> Result<Paragraph<'_>, ControlError> {
    let mut all = paragraphs(text);
    all.lexer.line = first_line;
    let only = all
        .next()
        .unwrap_or(Err(ControlError { line: all.lexer.line, reason: ControlFault::NoParagraph }))?;
    match all.next() {
        None => Ok(only),
        Some(Err(error)) => Err(error),
        Some(Ok(second)) => {
            let line = second.fields.first().map_or(all.lexer.line, |field| field.line);
            Err(ControlError { line, reason: ControlFault::SecondParagraph })
        }
    }
}

/// Names and raw values of the first paragraph of a text that was found well formed before, in order. Takes no
/// memory; ends at whatever is not a field.
pub fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut lexer = Lexer::new(text);
    let mut begun = false;
    std::iter::from_fn(move || {
        loop {
            match lexer.next() {
                Ok(Token::Field(field)) => {
                    begun = true;
                    return Some((field.name, field.value));
                }
                // empty lines may stand before it
                Ok(Token::ParagraphEnd) if !begun => {}
                Ok(Token::ParagraphEnd | Token::End) | Err(_) => return None,
            }
        }
    })
}

/// Appends the fields, one or more lines each. Adds no empty line after them: what separates paragraphs is the
/// caller's affair.
///
/// # Errors
/// A field that would not be read back as it is (a name that is none; a value with an empty line, a line that
/// continues nothing, or a control character). The line in the error counts from the first that is appended; `out` is
/// then as it was.
pub fn write_paragraph<'f>(
    out: &mut String,
    fields: impl IntoIterator<Item = (&'f str, &'f str)>,
) -> Result<(), ControlError> {
    let start = out.len();
    let mut line = 1;
    for (name, value) in fields {
        if let Err(error) = check_name(name).and_then(|()| check_value(value)) {
            out.truncate(start);
            return Err(ControlError { line, reason: error });
        }
        out.push_str(name);
        out.push_str(if value.is_empty() || value.starts_with('\n') { ":" } else { ": " });
        out.push_str(value);
        out.push('\n');
        line += 1 + value.matches('\n').count();
    }
    Ok(())
}

/// The value as plain lines: without the leading blank of continuation lines, and ` .` as an empty line.
#[must_use]
pub fn unfolded(value: &str) -> String {
    let mut lines =
        value.strip_prefix('\n').unwrap_or(value).split('\n').enumerate().map(|(number, line)| {
            let line =
                if number == 0 && !value.starts_with('\n') { line } else { line.get(1..).unwrap_or("") };
            if line == "." { "" } else { line }
        });
    let mut out = String::with_capacity(value.len());
    out.extend(lines.next());
    for line in lines {
        out.push('\n');
        out.push_str(line);
    }
    out
}

/// The paragraphs of a text; see [`paragraphs`].
#[derive(Debug)]
pub struct Paragraphs<'a> {
    lexer: Lexer<'a>,
    failed: bool,
}

impl<'a> Iterator for Paragraphs<'a> {
    type Item = Result<Paragraph<'a>, ControlError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let paragraph = self.paragraph();
        self.failed = paragraph.is_err();
        paragraph.transpose()
    }
}

impl<'a> Paragraphs<'a> {
    fn paragraph(&mut self) -> Result<Option<Paragraph<'a>>, ControlError> {
        let mut fields: Vec<Field<'a>> = Vec::new();
        let mut start = self.lexer.position();
        loop {
            let field = match self.lexer.next()? {
                Token::Field(field) => field,
                Token::ParagraphEnd if fields.is_empty() => {
                    start = self.lexer.position();
                    continue;
                }
                Token::ParagraphEnd | Token::End => {
                    return Ok((!fields.is_empty()).then(|| {
                        fields.shrink_to_fit();
                        Paragraph { fields }
                    }));
                }
            };
            let fault = if self.lexer.position() - start > MAX_CONTROL_BYTES {
                Some(ControlFault::TooLong { most: MAX_CONTROL_BYTES })
            } else if fields.len() == MAX_FIELDS {
                Some(ControlFault::TooManyFields { most: MAX_FIELDS })
            } else if fields.iter().any(|other| other.name.eq_ignore_ascii_case(field.name)) {
                Some(ControlFault::Duplicate { name: field.name.to_owned() })
            } else {
                None
            };
            if let Some(reason) = fault {
                return Err(ControlError { line: field.line, reason });
            }
            fields.push(field);
        }
    }
}

/// What comes next in a text.
enum Token<'a> {
    Field(Field<'a>),
    /// An empty line.
    ParagraphEnd,
    /// The end of the text.
    End,
}

/// Cuts a text into fields.
#[derive(Debug)]
struct Lexer<'a> {
    /// What was not read yet.
    rest: &'a str,
    /// The number of the line with which the rest begins.
    line: usize,
    /// How long the whole text is.
    length: usize,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text, line: 1, length: text.len() }
    }

    /// How many bytes were read.
    fn position(&self) -> usize {
        self.length - self.rest.len()
    }

    fn next(&mut self) -> Result<Token<'a>, ControlError> {
        if self.rest.is_empty() {
            return Ok(Token::End);
        }
        let line = self.line;
        let first = self.checked_line()?;
        if first.is_empty() {
            self.advance(first);
            return Ok(Token::ParagraphEnd);
        }
        let (name, _) = split_field(first).map_err(|reason| ControlError { line, reason })?;

        // The value is one piece of the text: from behind the colon to the end of the last continuation.
        let from = &self.rest[name.len() + 1..];
        let mut length = first.len() - name.len() - 1;
        self.advance(first);
        while self.rest.starts_with([' ', '\t']) {
            let continuation = self.checked_line()?;
            if is_blank(continuation) {
                return Err(ControlError { line: self.line, reason: ControlFault::BlankLine });
            }
            length += 1 + continuation.len();
            self.advance(continuation);
        }
        let value = from[..length].trim_start_matches(BLANKS).trim_end_matches(BLANKS);
        Ok(Token::Field(Field { name, value, line }))
    }

    /// The line that comes next, without its newline and not yet taken.
    fn checked_line(&self) -> Result<&'a str, ControlError> {
        let end = self.rest.bytes().position(|byte| byte == b'\n').unwrap_or(self.rest.len());
        let line = &self.rest[..end];
        check_characters(line).map_err(|reason| ControlError { line: self.line, reason })?;
        Ok(line)
    }

    /// Takes a line and its newline.
    fn advance(&mut self, line: &str) {
        self.rest = self.rest.get(line.len() + 1..).unwrap_or("");
        self.line += 1;
    }
}

const BLANKS: [char; 2] = [' ', '\t'];

fn is_blank(line: &str) -> bool {
    line.trim_matches(BLANKS).is_empty()
}

fn split_field(line: &str) -> Result<(&str, &str), ControlFault> {
    match line.as_bytes()[0] {
        b'#' => return Err(ControlFault::Comment),
        _ if is_blank(line) => return Err(ControlFault::BlankLine),
        b' ' | b'\t' => return Err(ControlFault::NothingToContinue),
        _ => {}
    }
    let (name, value) = line.split_once(':').ok_or(ControlFault::NoColon)?;
    check_name(name)?;
    Ok((name, value))
}

/// Printable ASCII without blank and colon, not beginning with `#` or a dash (Policy 5.1).
fn check_name(name: &str) -> Result<(), ControlFault> {
    match name.as_bytes().first() {
        None => return Err(ControlFault::NoName),
        Some(b'#') => return Err(ControlFault::BadNameCharacter('#')),
        Some(b'-') => return Err(ControlFault::BadNameStart),
        Some(_) => {}
    }
    match name.chars().find(|character| !character.is_ascii_graphic() || *character == ':') {
        None => Ok(()),
        Some(bad) => Err(ControlFault::BadNameCharacter(bad)),
    }
}

fn check_characters(line: &str) -> Result<(), ControlFault> {
    match line.bytes().find(|byte| byte.is_ascii_control() && *byte != b'\t') {
        None => Ok(()),
        Some(b'\r') => Err(ControlFault::CarriageReturn),
        Some(bad) => Err(ControlFault::ControlCharacter(char::from(bad))),
    }
}

/// Whether the value, written, is read back as one value.
fn check_value(value: &str) -> Result<(), ControlFault> {
    let mut lines = value.split('\n');
    lines.next().map_or(Ok(()), check_characters)?;
    lines.try_for_each(|line| {
        if is_blank(line) {
            return Err(ControlFault::BlankLine);
        }
        if !line.starts_with(BLANKS) {
            return Err(ControlFault::NoColon);
        }
        check_characters(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fault(text: &str) -> (usize, ControlFault) {
        let error = single_paragraph(text).unwrap_err();
        (error.line, error.reason)
    }

    #[test]
    fn reads_fields_in_order() {
        let text = "\nPackage: hello\nDescription:short\n long\n .\n\tmore \nFiles: \n a\nEmpty:\n\n";
        let paragraph = single_paragraph(text).unwrap();
        assert_eq!(
            paragraph.pairs().collect::<Vec<_>>(),
            [
                ("Package", "hello"),
                ("Description", "short\n long\n .\n\tmore"),
                ("Files", "\n a"),
                ("Empty", "")
            ]
        );
        assert_eq!(pairs(&text[1..]).collect::<Vec<_>>(), paragraph.pairs().collect::<Vec<_>>());
        assert_eq!(paragraph.get("pACKAGE"), Some("hello"));
        assert_eq!(paragraph.get("Version"), None);
        assert_eq!(paragraph.field("files").unwrap().line, 7);
    }

    #[test]
    fn reads_paragraph_after_paragraph() {
        let found: Vec<_> =
            paragraphs("A: 1\n\n\nB: 2\nC: 3").map(|paragraph| paragraph.unwrap().fields.len()).collect();
        assert_eq!(found, [1, 2]);
        assert_eq!(paragraphs("\n\n").count(), 0);
    }

    #[test]
    fn refuses_what_is_ambiguous_or_malformed() {
        use ControlFault::*;
        for (text, line, reason) in [
            ("", 1, NoParagraph),
            ("\n\n", 3, NoParagraph),
            ("A: 1\n\nB: 2\n", 3, SecondParagraph),
            ("A: 1\n\n\n\nb\n", 5, NoColon),
            ("A: 1\nB: 2\na: 3\n", 3, Duplicate { name: "a".into() }),
            ("A: 1\r\n", 1, CarriageReturn),
            ("A: 1\n x\ry\n", 2, CarriageReturn),
            ("A: 1\n\r\n", 2, CarriageReturn),
            ("A: \0\n", 1, ControlCharacter('\0')),
            ("A: 1\n \u{c}\n", 2, ControlCharacter('\u{c}')),
            ("# hi\nA: 1\n", 1, Comment),
            ("A: 1\n# hi\n", 2, Comment),
            ("hello\n", 1, NoColon),
            (": x\n", 1, NoName),
            ("A : x\n", 1, BadNameCharacter(' ')),
            ("Ä: x\n", 1, BadNameCharacter('Ä')),
            ("\u{feff}A: x\n", 1, BadNameCharacter('\u{feff}')),
            ("-A: x\n", 1, BadNameStart),
            ("-----BEGIN PGP SIGNED MESSAGE-----\n", 1, NoColon),
            (" x\nA: 1\n", 1, NothingToContinue),
            ("A: 1\n\n x\n", 3, NothingToContinue),
            ("A: 1\n \t\nB: 2\n", 2, BlankLine),
            (" \nA: 1\n", 1, BlankLine),
        ] {
            assert_eq!(fault(text), (line, reason), "{text:?}");
        }
    }

    #[test]
    fn refuses_what_is_too_large() {
        let many: String = (0..=MAX_FIELDS).map(|number| format!("F{number}: x\n")).collect();
        assert_eq!(fault(&many), (MAX_FIELDS + 1, ControlFault::TooManyFields { most: MAX_FIELDS }));
        let long = format!("A: {}\n", "x".repeat(MAX_CONTROL_BYTES));
        assert_eq!(fault(&long), (1, ControlFault::TooLong { most: MAX_CONTROL_BYTES }));
        assert!(text(long.as_bytes()).is_err());
        // A long file of short paragraphs is no offence.
        let index = "A: 1\n\n".repeat(MAX_CONTROL_BYTES / 4);
        assert!(paragraphs(&index).all(|paragraph| paragraph.is_ok()));
    }

    #[test]
    fn refuses_other_encodings_with_the_line() {
        let error = text(b"A: 1\nB: \xe9\n").unwrap_err();
        assert_eq!((error.line, error.reason), (2, ControlFault::NotUtf8));
    }

    #[test]
    fn an_iterator_ends_after_an_error() {
        let mut found = paragraphs("A: 1\n\nbad\n\nB: 2\n");
        assert!(found.next().unwrap().is_ok());
        assert!(found.next().unwrap().is_err());
        assert!(found.next().is_none());
    }

    #[test]
    fn writing_refuses_what_would_be_read_otherwise() {
        let mut out = String::from("before\n");
        for (name, value) in [
            ("A", "x\nB: injected"),
            ("A", "x\n\n y"),
            ("A", "x\n "),
            ("A", "x\n"),
            ("A", "x\ry"),
            ("A", "\0"),
            ("A B", "x"),
            ("A:", "x"),
            ("", "x"),
            ("-A", "x"),
            ("#A", "x"),
            ("A\n", "x"),
        ] {
            assert!(
                write_paragraph(&mut out, [("Ok", "fine"), (name, value)]).is_err(),
                "{name:?} {value:?}"
            );
            assert_eq!(out, "before\n");
        }
        write_paragraph(&mut out, [("A", "x\n y"), ("Files", "\n z"), ("Empty", "")]).unwrap();
        assert_eq!(out, "before\nA: x\n y\nFiles:\n z\nEmpty:\n");
    }

    #[test]
    fn unfolds_values() {
        assert_eq!(unfolded("short\n long\n .\n  code"), "short\nlong\n\n code");
        assert_eq!(unfolded("\n hello (1)\n .\n   * new"), "hello (1)\n\n  * new");
        assert_eq!(unfolded(""), "");
    }

    /// Texts that are nearly control files.
    fn near_control() -> impl Strategy<Value = String> {
        prop::collection::vec(
            prop_oneof![
                Just("Package: hello\n"),
                Just("A: 1\n"),
                Just("a:\n"),
                Just("B:  x \t\n"),
                Just(" continued\n"),
                Just("\t.\n"),
                Just("\n"),
                Just(" \n"),
                Just("# no\n"),
                Just("é: ü\n"),
                Just("C: ü"),
                Just("\r"),
                Just(":"),
            ],
            0..12,
        )
        .prop_map(|parts| parts.concat())
    }

    #[test]
    fn empty_lines_before_the_first_paragraph_hide_none_of_its_fields() {
        let text = "\n \n\nPackage: hello\nVersion: 1\n\nPackage: other\n".replace(" \n", "\n");
        assert_eq!(pairs(&text).collect::<Vec<_>>(), [("Package", "hello"), ("Version", "1")]);
        assert_eq!(pairs("\n\n").count(), 0);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(text) = text(&bytes) {
                paragraphs(text).for_each(drop);
                pairs(text).for_each(drop);
                drop(unfolded(text));
            }
        }

        #[test]
        fn what_is_read_can_be_written_and_read_again(text in near_control()) {
            let Ok(paragraph) = single_paragraph(&text) else { return Ok(()) };
            let mut written = String::new();
            write_paragraph(&mut written, paragraph.pairs()).unwrap();
            let again = single_paragraph(&written).unwrap();
            prop_assert!(paragraph.pairs().eq(again.pairs()), "{:?} {:?}", text, written);
            prop_assert!(pairs(&written).eq(again.pairs()));
        }
    }
}
