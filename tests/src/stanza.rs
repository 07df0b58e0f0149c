//! Paragraphs of fields, as control files, Packages, Sources and Release have them. Lenient: it reads what judges and mirrors say.

use std::collections::BTreeMap;

/// One paragraph: field names and values in order, as they stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stanza(pub Vec<(String, String)>);

impl Stanza {
    /// The value of a field, whatever the case of its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The value of a field that has to be there.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        self.get(name).unwrap_or_else(|| panic!("there is no field {name} in {self:?}"))
    }

    /// Names and values, without regard to their order.
    #[must_use]
    pub fn fields(&self) -> BTreeMap<&str, &str> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// The fields' names in order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }
}

/// The paragraphs of a text. Values keep their line breaks; blanks around them go.
#[must_use]
pub fn stanzas(text: &str) -> Vec<Stanza> {
    let mut found = Vec::new();
    let mut current = Stanza::default();
    for line in text.lines().chain([""]) {
        if line.trim().is_empty() {
            if !current.0.is_empty() {
                found.push(std::mem::take(&mut current));
            }
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = current.0.last_mut() {
                value.push('\n');
                value.push_str(line);
            }
        } else {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            current.0.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    found
}

/// What a Release file lists under one checksum: path, digest, size in bytes.
///
/// # Panics
/// When the text is no Release file.
#[track_caller]
#[must_use]
pub fn listed(release: &str, checksum: &str) -> BTreeMap<String, (String, u64)> {
    let release = stanzas(release).into_iter().next().unwrap_or_default();
    let list = release.get(checksum).unwrap_or_default();
    let lines = list.lines().map(str::split_whitespace).map(Iterator::collect::<Vec<_>>);
    lines
        .filter(|words| !words.is_empty())
        .map(|words| match words.as_slice() {
            [digest, size, path] => {
                let size = size.parse().unwrap_or_else(|_| panic!("no size in a line of Release: {words:?}"));
                ((*path).to_owned(), ((*digest).to_owned(), size))
            }
            _ => panic!("not a line of a list of files in Release: {words:?}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_read_as_they_stand() {
        let read = stanzas("Package: a\nDescription: x\n more\n .\nEmpty:\n\n\nPackage: b\n");
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].names(), ["Package", "Description", "Empty"]);
        assert_eq!(read[0].field("description"), "x\n more\n .");
        assert_eq!(read[1].get("Description"), None);
    }

    #[test]
    fn the_lists_of_a_release_are_read() {
        let release = "Suite: s\nSHA256:\n aa  12 main/x\n bb 0 y\nMD5Sum:\n cc 1 z\n";
        assert_eq!(listed(release, "SHA256")["main/x"], ("aa".to_owned(), 12));
        assert_eq!(listed(release, "SHA256").len(), 2);
        assert!(listed(release, "SHA1").is_empty());
    }
}
