//! The stanzas of an index, from the rows.

use std::collections::BTreeMap;

use super::IndexError;
use super::description::Description;
use super::increment::{Each, Entries};
use super::segment::previous::Previous;
use super::segment::splice::{Step, splice, stanzas};
use super::stanza::{binary_stanza, source_stanza};
use crate::domain::{BinaryFormat, BinaryReleaseId, Checksum, Md5, PassId, SuiteId, Translations};
use crate::store::described::{control_of, for_each_described};
use crate::store::indexed::{BinaryIndex, Names};
use crate::store::series::{Series, SeriesComponent};
use crate::store::{Connection, indexed};
use crate::work::{self, Work};

/// Of what an index has stanzas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stanzas {
    /// Binaries of one architecture and format.
    Packages(BinaryIndex),
    Sources,
    /// Descriptions of ordinary binaries.
    Translation,
}

/// An index of stanzas as a pass will leave it.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) db: &'a Connection,
    pub(super) pass: PassId,
    pub(super) suite: SuiteId,
    pub(super) component: &'a SeriesComponent,
    pub(super) of: &'a Stanzas,
    pub(super) checksums: &'a [Checksum],
    pub(super) translations: Translations,
}

impl<'a> Rows<'a> {
    pub(super) fn new(
        db: &'a Connection,
        pass: PassId,
        (suite, series): (SuiteId, &'a Series),
        component: &'a SeriesComponent,
        of: &'a Stanzas,
    ) -> Self {
        Self {
            db,
            pass,
            suite,
            component,
            of,
            checksums: &series.checksums,
            translations: series.translations,
        }
    }

    fn packages(&self, index: &BinaryIndex, names: &Names, each: &mut Each<'_>) -> Result<u64, IndexError> {
        // the other formats have no translations, and are read by those who have little room
        let translations = match index.format {
            BinaryFormat::Deb => self.translations,
            BinaryFormat::Udeb | BinaryFormat::Ddeb => Translations::Whole,
        };
        let (mut stanza, mut count) = (String::new(), 0);
        indexed::for_each_binary(self.db, Some(self.pass), index, names, |binary| {
            stanza.clear();
            binary_stanza(&mut stanza, &binary, &self.component.name, self.checksums, translations);
            count += 1;
            each(&binary.name, &stanza)
        })?;
        Ok(count)
    }

    fn sources(&self, names: &Names, each: &mut Each<'_>) -> Result<u64, IndexError> {
        let (mut stanza, mut count) = (String::new(), 0);
        let (suite, component) = (self.suite, self.component.id);
        indexed::for_each_source(self.db, Some(self.pass), suite, component, names, |source| {
            let files = indexed::source_files(self.db, source.release)?;
            stanza.clear();
            source_stanza(&mut stanza, &source, &files, &self.component.name, self.checksums);
            count += 1;
            each(source.name.as_str(), &stanza)
        })?;
        Ok(count)
    }

    /// Each description that a name has, once, by its digest.
    fn descriptions(&self, names: &Names, each: &mut Each<'_>) -> Result<u64, IndexError> {
        let (mut stanza, mut count) = (String::new(), 0);
        let mut end = |name: &str, releases: &[BinaryReleaseId]| -> Result<(), IndexError> {
            let mut paragraphs = Vec::with_capacity(releases.len());
            for release in releases {
                paragraphs.push(control_of(self.db, *release)?);
            }
            let descriptions: BTreeMap<Md5, Description<'_>> = paragraphs
                .iter()
                .filter_map(|text| Description::of(text))
                .map(|description| (description.digest(), description))
                .collect();
            for (digest, description) in descriptions {
                stanza.clear();
                description.write(name, digest, &mut stanza);
                count += 1;
                each(name, &stanza)?;
            }
            Ok(())
        };
        let mut current: (String, Vec<BinaryReleaseId>) = (String::new(), Vec::new());
        let place = (self.suite, self.component.id);
        for_each_described(self.db, Some(self.pass), place, names, |one| {
            if !one.will_be_there {
                return Ok(());
            }
            if current.0 != one.name {
                end(&current.0, &current.1)?;
                current = (one.name, Vec::new());
            }
            current.1.push(one.release);
            Ok::<(), IndexError>(())
        })?;
        end(&current.0, &current.1)?;
        Ok(count)
    }
}

impl Entries for Rows<'_> {
    fn for_each(&self, names: &Names, each: &mut Each<'_>) -> Result<(), IndexError> {
        let count = match self.of {
            Stanzas::Packages(index) => self.packages(index, names, each)?,
            Stanzas::Sources => self.sources(names, each)?,
            Stanzas::Translation => self.descriptions(names, each)?,
        };
        work::count(Work::StanzasRendered, count);
        Ok(())
    }

    fn is_gone(&self, previous: &Previous, place: usize) -> Result<bool, IndexError> {
        let Some(first) = previous.segments.get(place) else { return Ok(true) };
        let mut gone = true;
        self.for_each(&Names::one(&first.segment.first_name), &mut |_, _| {
            gone = false;
            Ok(())
        })?;
        Ok(gone)
    }

    fn renew(&self, text: &str, touched: &[String], each: &mut Each<'_>) -> Result<bool, IndexError> {
        let Some(stanzas) = stanzas(text) else { return Ok(false) };
        for step in splice(&stanzas, touched) {
            match step {
                Step::Keep(name, stanza) => each(name, stanza)?,
                Step::Renew(name) => self.for_each(&Names::one(name), each)?,
            }
        }
        Ok(true)
    }
}

/// Of the names that a pass touches, those whose descriptions are others afterwards.
pub(super) fn described_otherwise(rows: &Rows<'_>, touched: Vec<String>) -> Result<Vec<String>, IndexError> {
    let mut changed = Vec::new();
    for name in touched {
        let mut descriptions: BTreeMap<Md5, (bool, bool)> = BTreeMap::new();
        let place = (rows.suite, rows.component.id);
        for_each_described(rows.db, Some(rows.pass), place, &Names::one(&name), |one| {
            if let Some(description) = Description::of(&control_of(rows.db, one.release)?) {
                let known = descriptions.entry(description.digest()).or_default();
                known.0 |= one.is_there;
                known.1 |= one.will_be_there;
            }
            Ok::<(), IndexError>(())
        })?;
        if descriptions.values().any(|(before, after)| before != after) {
            changed.push(name);
        }
    }
    Ok(changed)
}
