//! Where a file lies in the pool: `pool/<component>/<prefix>/<source>/<file>`.
//!
//! The prefix is the first letter of the source's name, or the first four for `lib*`, as in Debian's archive.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::domain::archive_layout::POOL;
use crate::domain::name::{ComponentName, FileName, SourceName};

/// A file's path below the archive's root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolPath {
    component: ComponentName,
    source: SourceName,
    file: FileName,
}

impl PoolPath {
    /// The path of a file of a source in a component.
    #[must_use]
    pub fn new(component: &ComponentName, source: &SourceName, file: &FileName) -> Self {
        Self { component: component.clone(), source: source.clone(), file: file.clone() }
    }

    /// The path below an archive's root.
    #[must_use]
    pub fn below(&self, root: &Path) -> PathBuf {
        root.join(self.to_string())
    }

    /// What a link at this path to the same file in another component reads.
    #[must_use]
    pub fn link_to(&self, component: &ComponentName) -> PathBuf {
        // pool/<component>/<prefix>/<source>/: three folders up is pool/
        let target = Self { component: component.clone(), ..self.clone() }.to_string();
        Path::new("../../..").join(Path::new(&target).strip_prefix(POOL).unwrap_or(Path::new(&target)))
    }
}

/// The folder of a source in a component, as Sources has it under `Directory`.
#[must_use]
pub fn source_folder(component: &ComponentName, source: &SourceName) -> String {
    format!("{POOL}/{component}/{}/{source}", prefix(source))
}

/// The folder above a source's.
#[must_use]
pub fn prefix(source: &SourceName) -> &str {
    let name = source.as_str();
    let length = if name.starts_with("lib") { 4 } else { 1 };
    name.get(..length).unwrap_or(name)
}

impl fmt::Display for PoolPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", source_folder(&self.component, &self.source), self.file)
    }
}

/// Of the components that want one file, most preferred first, which has the file; the others have links to it.
#[must_use]
pub fn holder<'a, T: PartialEq>(preference: &[T], wanting: &'a [T]) -> Option<&'a T> {
    preference
        .iter()
        .find_map(|preferred| wanting.iter().find(|component| *component == preferred))
        .or_else(|| wanting.first())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(component: &str, source: &str, file: &str) -> PoolPath {
        PoolPath::new(&component.parse().unwrap(), &source.parse().unwrap(), &file.parse().unwrap())
    }

    #[test]
    fn the_pool_is_laid_out_as_in_debian() {
        for (source, folder) in
            [("hello", "h/hello"), ("libfoo", "libf/libfoo"), ("lib3ds", "lib3/lib3ds"), ("0ad", "0/0ad")]
        {
            assert_eq!(path("main", source, "x_1.deb").to_string(), format!("pool/main/{folder}/x_1.deb"));
        }
        assert_eq!(path("main", "lib", "x_1.deb").to_string(), "pool/main/lib/lib/x_1.deb");
    }

    #[test]
    fn a_link_leads_to_the_same_file_in_the_other_component() {
        let link = path("universe", "libfoo", "a_1.dsc").link_to(&"main".parse().unwrap());
        assert_eq!(link, Path::new("../../../main/libf/libfoo/a_1.dsc"));
    }

    #[test]
    fn the_most_preferred_component_has_the_file() {
        assert_eq!(holder(&["main", "universe"], &["universe", "main"]), Some(&"main"));
        assert_eq!(holder(&["main", "universe"], &["other", "universe"]), Some(&"universe"));
        assert_eq!(holder(&["main"], &["other"]), Some(&"other"));
        assert_eq!(holder::<&str>(&["main"], &[]), None);
    }
}
