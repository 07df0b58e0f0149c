//! Every kind of name that comes from outside: what is one, is kept as it is, and leads nowhere when it becomes a file.

#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use pressroom_archive::domain::name::NameError;
use pressroom_archive::domain::{
    ArchitectureTag, BinaryName, ComponentName, DistributionName, FileName, PackagePriority, Section,
    SeriesName, SourceName, SuiteName,
};
use pressroom_fuzz::{bounded, presentable, text};

fn held<N>(text: &str)
where
    N: FromStr<Err = NameError> + Display + Debug,
{
    match text.parse::<N>() {
        Ok(name) => {
            assert_eq!(name.to_string(), text, "the text is kept");
            let is_plain = !text.starts_with(['.', '-', '/']) && !text.contains("..") && !text.contains("//");
            let is_word = !text.is_empty()
                && !text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\');
            // names of files and packages may have two dots, but no folder has
            let is_inside =
                is_plain || text.split('/').all(|part| part != "..") && !text.starts_with(['.', '-', '/']);
            assert!(is_word && is_inside, "{name:?}");
        }
        Err(error) => presentable(&error),
    }
}

fuzz_target!(|data: &[u8]| {
    let Some(text) = text(data) else { return };
    bounded(|| {
        held::<SourceName>(text);
        held::<BinaryName>(text);
        held::<ComponentName>(text);
        held::<DistributionName>(text);
        held::<SeriesName>(text);
        held::<SuiteName>(text);
        held::<ArchitectureTag>(text);
        held::<PackagePriority>(text);
        held::<Section>(text);
        held::<FileName>(text);
    });
});
