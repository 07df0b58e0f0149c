//! What the suites need that is not here, and the description that makes it.

use std::collections::BTreeMap;

use pressroom_archive::domain::{
    ArchitectureTag, ComponentName, Pocket, ReleaseText, SeriesName, SuiteName, Translations,
};
use pressroom_archive::store::Connection;
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::series::{architectures, components, series_of};
use pressroom_archive::upload::takeover::index::Selection;

use super::theirs::Pair;
use crate::cli::exit;
use crate::describe::{
    ArchiveDescription, Description, DistributionDescription, DistributionSettings, SeriesDescription,
    SeriesSettings,
};

/// What the suites need that is not here, by series.
pub(super) struct Missing {
    series: BTreeMap<SeriesName, MissingOf>,
}

#[derive(Default)]
struct MissingOf {
    is_new: bool,
    components: Vec<ComponentName>,
    architectures: Vec<ArchitectureTag>,
}

impl Missing {
    pub(super) fn find(
        db: &Connection,
        archive: &Archive,
        pairs: &[Pair],
        selection: &Selection<'_>,
    ) -> anyhow::Result<Self> {
        let all = series_of(db, archive.distribution)?;
        let mut series: BTreeMap<SeriesName, MissingOf> = BTreeMap::new();
        for pair in pairs {
            let known = all.iter().find(|one| one.name == *pair.ours.series());
            if let Some(known) = known
                && archive.purpose.holds_still(pair.ours.pocket(), known.status)
            {
                return Err(exit::usage(format!(
                    "{} is {}, and its release pocket does not change: take over into {0}-updates with --into, or set its status first",
                    pair.ours, known.status
                )));
            }
            let (has_components, has_architectures) = match known {
                Some(known) => (
                    components(db, known.id)?.into_iter().map(|one| one.name).collect(),
                    architectures(db, known.id)?
                        .into_iter()
                        .filter(|one| one.enabled)
                        .map(|one| one.tag)
                        .collect(),
                ),
                None => (Vec::new(), Vec::new()),
            };
            let missing = series.entry(pair.ours.series().clone()).or_default();
            missing.is_new |= known.is_none();
            for component in selection.components(&pair.theirs) {
                if !has_components.contains(&component.name) && !missing.components.contains(&component.name)
                {
                    missing.components.push(component.name.clone());
                }
            }
            for tag in selection.architectures(&pair.theirs) {
                if !has_architectures.contains(tag) && !missing.architectures.contains(tag) {
                    missing.architectures.push(tag.clone());
                }
            }
        }
        series.retain(|_, one| one.is_new || !one.components.is_empty() || !one.architectures.is_empty());
        Ok(Self { series })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// What would make it.
    pub(super) fn commands(&self, archive: &Archive) -> String {
        let mut text = "not all that it needs is here; --create makes it, or these commands do:".to_owned();
        for (name, missing) in &self.series {
            let verb = if missing.is_new { "add" } else { "set" };
            text.push_str(&format!(
                "\n  pressroom series {verb} {name} --distribution {}",
                archive.reference.distribution()
            ));
            for component in &missing.components {
                text.push_str(&format!(" --component {component}"));
            }
            for tag in &missing.architectures {
                text.push_str(&format!(" --architecture {tag}"));
            }
        }
        text
    }

    /// As it is made. A new series is called in its Release files as it was there, so that clients see the same.
    pub(super) fn description(&self, archive: &Archive, pairs: &[Pair]) -> anyhow::Result<Description> {
        let mut series = Vec::new();
        for (name, missing) in &self.series {
            let mut settings = SeriesSettings {
                components: missing.components.clone(),
                architectures: missing.architectures.clone(),
                ..SeriesSettings::default()
            };
            // the first is its release pocket, if that is there
            let first = pairs.iter().find(|pair| pair.ours.series() == name).filter(|_| missing.is_new);
            if let Some(pair) = first {
                let release = &pair.theirs;
                settings.version = text(&release.version);
                settings.suite_name = word_of(&pair.ours, &release.suite).and_then(|word| word.parse().ok());
                settings.codename = word_of(&pair.ours, &release.codename).and_then(|word| word.parse().ok());
                if pair.ours.pocket() == Pocket::Release {
                    settings.description = text(&release.description);
                }
                let lists = |part: &str| release.files.keys().any(|path| path.contains(part)).then_some(());
                settings.translations = lists("/i18n/Translation-en").map(|()| Translations::English);
                settings.contents = lists("Contents-").map(|()| true);
            }
            series.push(SeriesDescription { name: name.clone(), settings, package_sets: Vec::new() });
        }
        let mut archives = Vec::new();
        let first =
            pairs.iter().find(|pair| self.series.get(pair.ours.series()).is_some_and(|one| one.is_new));
        if let Some(pair) = first.filter(|_| archive.origin.is_empty() && archive.label.is_empty()) {
            archives.push(archive_description(archive, text(&pair.theirs.origin), text(&pair.theirs.label))?);
        }
        Ok(Description {
            persons: Vec::new(),
            teams: Vec::new(),
            distributions: vec![DistributionDescription {
                name: archive.reference.distribution().clone(),
                display_name: None,
                settings: DistributionSettings::default(),
                archives,
                series,
            }],
        })
    }

    /// What is made, for people.
    pub(super) fn said(&self, archive: &Archive, made: Option<&DistributionDescription>) -> Vec<String> {
        let mut said = Vec::new();
        for (name, missing) in &self.series {
            let mut words = Vec::new();
            if !missing.components.is_empty() {
                let all: Vec<String> = missing.components.iter().map(ToString::to_string).collect();
                words.push(format!("components {}", all.join(" ")));
            }
            if !missing.architectures.is_empty() {
                let all: Vec<String> = missing.architectures.iter().map(ToString::to_string).collect();
                words.push(format!("architectures {}", all.join(" ")));
            }
            let what = if missing.is_new { "series" } else { "in the series" };
            said.push(format!("{what} {name}: {}", words.join(", ")));
        }
        for one in made.into_iter().flat_map(|made| &made.archives) {
            let word =
                |text: &Option<ReleaseText>| text.as_ref().map(ToString::to_string).unwrap_or_default();
            said.push(format!(
                "Origin {:?} and Label {:?} of {}",
                word(&one.origin),
                word(&one.label),
                archive.reference
            ));
        }
        said
    }
}

/// A text for a Release file, if it can be one and there is any.
fn text(text: &str) -> Option<ReleaseText> {
    text.parse().ok().filter(|text: &ReleaseText| !text.as_str().is_empty())
}

/// What a series is to be called so that a suite of it is called in its Release files as it was, in `Suite` or `Codename`; none: as it is called anyway.
fn word_of<'a>(ours: &SuiteName, theirs: &'a str) -> Option<&'a str> {
    let word = theirs.strip_suffix(ours.pocket().suffix()).unwrap_or(theirs);
    Some(word).filter(|word| !word.is_empty() && *word != ours.series().as_str())
}

fn archive_description(
    archive: &Archive,
    origin: Option<ReleaseText>,
    label: Option<ReleaseText>,
) -> anyhow::Result<ArchiveDescription> {
    let named =
        ArchiveDescription::new(archive.reference.name().parse()?, archive.reference.owner().cloned());
    Ok(ArchiveDescription { origin, label, ..named })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_called_otherwise_only_where_its_release_files_would_change() {
        for (ours, theirs, expected) in [
            ("bookworm", "bookworm", None),
            ("bookworm", "stable", Some("stable")),
            ("bookworm", "", None),
            // the suffix of the pocket comes by itself
            ("bookworm-updates", "stable-updates", Some("stable")),
            ("bookworm-updates", "bookworm-updates", None),
            ("bookworm-security", "-security", None),
            // there the codename has none
            ("bookworm-updates", "bookworm", None),
            ("one-updates", "bookworm", Some("bookworm")),
            // a suffix of another pocket is part of the word
            ("bookworm", "stable-updates", Some("stable-updates")),
            ("bookworm-security", "stable-updates", Some("stable-updates")),
        ] {
            let ours: SuiteName = ours.parse().unwrap();
            assert_eq!(word_of(&ours, theirs), expected, "{ours} {theirs}");
        }
    }
}
