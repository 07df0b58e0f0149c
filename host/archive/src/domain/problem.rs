//! What is wrong with an upload, in words: found by a check, told to whoever sent it.

/// How much a problem weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The upload comes in, and its uploader is told.
    Warning,
    /// The upload does not come in.
    Rejection,
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// How much it weighs.
    pub severity: Severity,
    /// The check that found it, as `file-digest`: stable, for programs and tests.
    pub check: &'static str,
    /// The file that it is about; none: the upload as a whole. May be any text that somebody sent.
    pub file: Option<String>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl std::fmt::Display for Problem {
    /// One line: file, reason, remedy.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(file) = &self.file {
            write!(out, "{}: ", file.escape_debug())?;
        }
        write!(out, "{}", self.what)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(out, ": {}", self.remedy) }
    }
}
