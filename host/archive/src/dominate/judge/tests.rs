//! The sentences of the rule as tables, and a slow plain twin of it.
//!
//! A row of a table is `id index name version`, then words: `of NAME/VERSION` is its source (otherwise its own name and version), `all`, `phased`, `ddeb`,
//! `had` (debug symbols whose package is or was there), `waits`, `day N`. In the index `source` it is a source. Its release is ten times its id.

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Default)]
struct Rows {
    binaries: Vec<ContestedBinary>,
    sources: Vec<ContestedSource>,
}

const INDEXES: [&str; 3] = ["amd64", "arm64", "i386"];

fn rows(table: &str) -> Rows {
    let mut rows = Rows::default();
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [id, index, name, version, words @ ..] = words.as_slice() else { panic!("{line}") };
        let has = |word: &str| words.contains(&word);
        let after = |word: &str| words.iter().position(|one| *one == word).map(|place| words[place + 1]);
        let id: i64 = id.parse().unwrap();
        let kind = if *index == "source" { PackageKind::Source } else { PackageKind::Binary };
        let candidate = Candidate {
            publication: PublicationId(id),
            release: PackageReleaseId::of(kind, id * 10),
            version: version.parse().unwrap(),
            status: PublicationStatus::Published,
            date_created: Timestamp::from_second(after("day").map_or(0, |day| day.parse().unwrap())).unwrap(),
            takes_part: !has("waits"),
            is_restored: false,
        };
        if *index == "source" {
            rows.sources.push(ContestedSource { candidate, name: name.parse().unwrap() });
            continue;
        }
        let architecture = INDEXES.iter().position(|one| one == index).unwrap();
        let (source, source_version) =
            after("of").map_or((*name, *version), |source| source.split_once('/').unwrap());
        rows.binaries.push(ContestedBinary {
            candidate,
            architecture: ArchSeriesId(i64::try_from(architecture).unwrap()),
            name: (*name).to_owned(),
            is_for_all: has("all"),
            format: if has("ddeb") { BinaryFormat::Ddeb } else { BinaryFormat::Deb },
            is_phased: has("phased"),
            source: SourceVersion { name: source.parse().unwrap(), version: source_version.parse().unwrap() },
            had_package: has("had"),
        });
    }
    rows
}

fn words(verdicts: &[Verdict]) -> Vec<String> {
    let mut sorted = verdicts.to_vec();
    sorted.sort_by_key(|verdict| (verdict.publication, verdict.kind));
    let word = |verdict: &Verdict| match verdict.becomes {
        Becomes::Superseded(by) => format!("{} by {}", verdict.publication, by.row() / 10),
        Becomes::Deleted => format!("{} deleted", verdict.publication),
    };
    sorted.iter().map(word).collect()
}

fn keeping(keep: usize, table: &str) -> Vec<String> {
    let rows = rows(table);
    words(&judge(&rows.binaries, &rows.sources, NonZeroUsize::new(keep).unwrap()))
}

fn judged(table: &str) -> Vec<String> {
    keeping(1, table)
}

#[test]
fn the_latest_version_is_live_and_the_others_are_superseded_by_it() {
    assert_eq!(
        judged(
            "1 amd64 app 1.0-1
             2 amd64 app 1.0-1+b1
             3 amd64 app 0.9 day 9"
        ),
        ["1 by 2", "3 by 2"]
    );
    assert_eq!(judged("1 amd64 app 1:0.1\n2 amd64 app 9.0 day 5"), ["2 by 1"], "an epoch counts first");
    assert_eq!(judged("1 amd64 app 1.0~rc1 day 5\n2 amd64 app 1.0"), ["1 by 2"]);
    assert_eq!(judged("1 source app 1.0\n2 source app 1.1\n3 source app 1.0.9"), ["1 by 2", "3 by 2"]);
}

#[test]
fn of_equal_versions_the_publication_made_last_is_live() {
    // this is how overrides and phasing replace rows
    assert_eq!(judged("1 amd64 app 1.0 day 5\n2 amd64 app 1.0 day 3"), ["2 by 1"]);
    assert_eq!(judged("1 amd64 app 1.0\n2 amd64 app 1.0"), ["1 by 2"]);
    assert_eq!(judged("1 source app 1.0 day 1\n2 source app 1.0 day 2"), ["1 by 2"]);
    // 1.0 and 1.0-0 are the same to dpkg, and one index has one of them
    assert_eq!(judged("1 amd64 app 1.0 day 1\n2 amd64 app 1.0-0 day 2"), ["1 by 2"]);
}

#[test]
fn the_unit_is_a_name_in_an_index() {
    let none: [&str; 0] = [];
    assert_eq!(judged(""), none);
    assert_eq!(judged("1 amd64 app 1.0\n2 arm64 app 2.0\n3 amd64 other 3.0\n4 source app 4.0"), none);
}

#[test]
fn what_waits_for_another_pass_takes_no_part() {
    let none: [&str; 0] = [];
    assert_eq!(judged("1 amd64 app 1.0\n2 amd64 app 2.0 waits"), none);
    assert_eq!(judged("1 source app 1.0\n2 source app 2.0 waits"), none);
}

#[test]
fn what_is_below_goes_to_the_nearest_live_version_above_and_what_is_above_all_of_them_is_deleted() {
    let rows = rows(
        "1 amd64 app 1 day 1
         2 amd64 app 1 day 2
         3 amd64 app 2
         4 amd64 app 3
         5 amd64 app 4
         6 amd64 app 5
         7 amd64 app 5 day 1",
    );
    let contest = by_version(rows.binaries.iter().collect());
    // of 5 4 3 2 1, as after taking over another archive
    let verdicts = |live: [bool; 5]| words(&plan(PackageKind::Binary, &contest, &live));
    assert_eq!(
        verdicts([false, true, false, true, false]),
        ["1 by 3", "2 by 3", "4 by 5", "6 deleted", "7 deleted"]
    );
    assert_eq!(verdicts([true, true, true, true, true]), ["1 by 2", "6 by 7"]);
    assert_eq!(verdicts([false; 5]).len(), 7);
    assert!(verdicts([false; 5]).iter().all(|verdict| verdict.ends_with("deleted")));
}

#[test]
fn a_package_for_all_stays_while_one_of_its_source_is_there_on_any_architecture() {
    let lagging = "
        1 amd64 app 1.0 of src/1.0
        2 amd64 app 2.0 of src/2.0
        3 amd64 data 1.0 of src/1.0 all
        4 amd64 data 2.0 of src/2.0 all
        5 arm64 app 1.0 of src/1.0
        6 arm64 data 1.0 of src/1.0 all
        7 arm64 data 2.0 of src/2.0 all";
    assert_eq!(
        judged(lagging),
        ["1 by 2"],
        "arm64 has not built 2.0 yet, and app 1.0 may need data 1.0 there"
    );
    // when it has, data 1.0 goes on every architecture
    let built = format!("{lagging}\n8 arm64 app 2.0 of src/2.0");
    assert_eq!(judged(&built), ["1 by 2", "3 by 4", "5 by 8", "6 by 7"]);
}

#[test]
fn what_is_not_published_yet_keeps_the_package_for_all_too() {
    let waiting = "
        1 amd64 data 1.0 of src/1.0 all
        2 amd64 data 2.0 of src/2.0 all
        3 i386 app 1.0 of src/1.0 waits";
    let none: [&str; 0] = [];
    assert_eq!(judged(waiting), none);
    assert_eq!(judged(&waiting.replace(" waits", "")), none);
    assert_eq!(judged(&waiting.replace("src/1.0 waits", "src/0.9")), ["1 by 2"], "it is of another source");
    assert_eq!(judged(&waiting.replace("3 i386 app", "3 i386 app-dbgsym 1.0 ddeb of src/1 #")), ["1 by 2"]);
}

#[test]
fn a_package_for_all_does_not_keep_another_one() {
    assert_eq!(
        judged(
            "1 amd64 data 1.0 of src/1.0 all
             2 amd64 data 2.0 of src/2.0 all
             3 amd64 doc 1.0 of src/1.0 all"
        ),
        ["1 by 2"]
    );
}

#[test]
fn identical_rows_go_from_every_architecture_except_where_they_are_kept() {
    // the package has become one for amd64 alone
    assert_eq!(
        judged(
            "1 amd64 app 1.0 all
             2 arm64 app 1.0 all
             3 amd64 app 2.0
             4 i386 app 1.0 all
             5 i386 app 1.1 all"
        ),
        ["1 by 3", "4 by 5"],
        "arm64 has no other"
    );
}

#[test]
fn one_for_an_architecture_gives_way_to_one_for_all_at_once() {
    assert_eq!(judged("1 amd64 app 1.0\n2 amd64 app 2.0 all"), ["1 by 2"]);
}

#[test]
fn a_verdict_names_what_was_live_when_it_was_made() {
    // 2 is live in the first round, and goes in the second
    assert_eq!(judged("1 amd64 app 1.0\n2 amd64 app 2.0 all\n3 amd64 app 3.0"), ["1 by 2", "2 by 3"]);
}

#[test]
fn while_an_update_is_phased_the_version_before_stays() {
    let none: [&str; 0] = [];
    let phased = "
        1 amd64 app 1.0 of src/1.0
        2 amd64 app 2.0 of src/2.0 phased
        3 source src 1.0
        4 source src 2.0";
    assert_eq!(judged(phased), none, "and its source with it");
    // the next step replaces the row of the step before
    let step = format!("{phased}\n5 amd64 app 2.0 of src/2.0 phased day 1");
    assert_eq!(judged(&step), ["2 by 5"]);
    let complete = format!("{phased}\n5 amd64 app 2.0 of src/2.0 day 1");
    assert_eq!(judged(&complete), ["1 by 5", "2 by 5", "3 by 4"]);
    // those who get neither of two phased ones
    let two = format!("{phased}\n5 amd64 app 3.0 of src/3.0 phased\n6 amd64 app 0.9");
    assert_eq!(judged(&two), ["6 by 1"]);
    assert_eq!(judged(&two.replace("src/2.0 phased", "src/2.0")), ["1 by 2", "3 by 4", "6 by 2"]);
    // a phased one that is not the latest is nothing special
    assert_eq!(judged("1 amd64 app 1\n2 amd64 app 2 phased\n3 amd64 app 3"), ["1 by 3", "2 by 3"]);
}

#[test]
fn an_archive_keeps_as_many_versions_as_it_says() {
    let table = "
        1 amd64 app 1.0
        2 amd64 app 2.0
        3 amd64 app 2.0 day 1
        4 amd64 app 3.0
        5 source app 1.0
        6 source app 2.0
        7 source app 3.0
        8 source app 0.9";
    assert_eq!(keeping(1, table), ["1 by 4", "2 by 4", "3 by 4", "5 by 7", "6 by 7", "8 by 7"]);
    assert_eq!(
        keeping(2, table),
        ["1 by 3", "2 by 3", "5 by 6", "8 by 6"],
        "versions are counted, not publications"
    );
    assert_eq!(keeping(3, table), ["2 by 3", "8 by 5"]);
    assert_eq!(keeping(9, table), ["2 by 3"]);
}

#[test]
fn a_source_stays_with_a_binary_that_is_kept_though_it_is_older_than_the_archive_keeps_sources() {
    let rebuilt = "
        1 amd64 app 1.0 of src/1.0
        2 amd64 app 3.0 of src/3.0
        3 source src 1.0
        4 source src 2.0
        5 source src 3.0";
    let none: [&str; 0] = [];
    assert_eq!(keeping(2, rebuilt), none);
    assert_eq!(keeping(1, rebuilt), ["1 by 2", "3 by 5", "4 by 5"]);
}

#[test]
fn a_source_gives_way_while_an_architecture_lags() {
    // its files are held by the judge of what may go
    assert_eq!(
        judged(
            "1 amd64 app 2.0
             2 arm64 app 1.0
             3 source app 1.0
             4 source app 2.0"
        ),
        ["3 by 4"]
    );
}

#[test]
fn debug_symbols_follow_their_package() {
    let table = "
        1 amd64 app 1.0
        2 amd64 app 2.0
        3 amd64 app-dbgsym 1.0 ddeb had of app/1.0
        4 amd64 app-dbgsym 2.0 ddeb had of app/2.0";
    assert_eq!(judged(table), ["1 by 2", "3 by 4"]);
    // without new ones, also where they are the only ones of their name
    assert_eq!(
        judged(table.trim_end_matches("4 amd64 app-dbgsym 2.0 ddeb had of app/2.0")),
        ["1 by 2", "3 by 2"]
    );
    // they stay as long as it does
    let none: [&str; 0] = [];
    assert_eq!(judged(&table.replace("app 2.0\n", "app 2.0 phased\n")), none);
    assert_eq!(keeping(2, table), none);
    // newer ones came first: the package of the others is there still
    assert_eq!(judged("1 amd64 app 1.0\n3 amd64 app-dbgsym 1.0 ddeb had\n4 amd64 app-dbgsym 2.0 ddeb"), none);
    // nothing of the package is left
    assert_eq!(judged("3 amd64 app-dbgsym 1.0 ddeb had"), ["3 deleted"]);
    // it waits
    assert_eq!(judged("1 amd64 app 1.0 waits\n3 amd64 app-dbgsym 1.0 ddeb had"), none);
    // on another architecture it does not count
    assert_eq!(judged("1 arm64 app 1.0\n3 amd64 app-dbgsym 1.0 ddeb had"), ["3 deleted"]);
}

#[test]
fn debug_symbols_that_never_had_a_package_are_judged_as_packages_are() {
    assert_eq!(judged("1 amd64 app-dbgsym 1.0 ddeb\n2 amd64 app-dbgsym 2.0 ddeb"), ["1 by 2"]);
    assert_eq!(judged("1 amd64 symbols 1.0 ddeb\n2 amd64 symbols 2.0 ddeb"), ["1 by 2"]);
    // Debian's are packages as others
    assert_eq!(judged("1 amd64 app-dbgsym 1.0\n2 amd64 app-dbgsym 2.0\n3 amd64 app 1.0"), ["1 by 2"]);
}

// ---------------------------------------------------------------- the twin

/// The rule again, sentence by sentence, for one row at a time, over all rows.
struct Twin<'a> {
    rows: &'a Rows,
    keep: usize,
}

impl Twin<'_> {
    fn rivals<'b>(&'b self, row: &'b ContestedBinary) -> impl Iterator<Item = &'b ContestedBinary> {
        self.rows.binaries.iter().filter(move |other| {
            other.candidate.takes_part
                && (other.architecture, &other.name) == (row.architecture, &row.name)
                && is_debug(other) == is_debug(row)
        })
    }

    fn is_newest_of_its_version(&self, row: &ContestedBinary) -> bool {
        let age = |one: &ContestedBinary| (one.candidate.date_created, one.candidate.publication);
        row.candidate.takes_part
            && !self.rivals(row).any(|other| {
                is_same(&other.candidate.version, &row.candidate.version) && age(other) > age(row)
            })
    }

    fn above<'b>(&'b self, row: &'b ContestedBinary) -> Vec<&'b ContestedBinary> {
        self.rivals(row)
            .filter(|other| other.candidate.version.dpkg_cmp(&row.candidate.version).is_gt())
            .filter(|other| self.is_newest_of_its_version(other))
            .collect()
    }

    fn is_kept(&self, row: &ContestedBinary) -> bool {
        let above = self.above(row);
        above.len() < self.keep || above.iter().all(|other| other.is_phased)
    }

    fn stays_at_first(&self, row: &ContestedBinary) -> bool {
        self.is_newest_of_its_version(row) && (self.is_kept(row) || row.is_for_all)
    }

    fn stays(&self, row: &ContestedBinary) -> bool {
        self.stays_at_first(row)
            && (self.is_kept(row)
                || !row.is_for_all
                || self.rows.binaries.iter().any(|other| {
                    other.source == row.source
                        && !other.is_for_all
                        && !is_debug(other)
                        && (!other.candidate.takes_part || self.stays_at_first(other))
                }))
    }

    fn symbols_stay(&self, row: &ContestedBinary) -> bool {
        let package = row.name.strip_suffix(DEBUG_ENDING).unwrap();
        let has_package = self.rows.binaries.iter().any(|other| {
            !is_debug(other)
                && (other.architecture, other.name.as_str()) == (row.architecture, package)
                && is_same(&other.candidate.version, &row.candidate.version)
                && (!other.candidate.takes_part || self.stays(other))
        });
        let had = self
            .rivals(row)
            .any(|other| other.had_package && is_same(&other.candidate.version, &row.candidate.version));
        self.is_newest_of_its_version(row) && (has_package || (self.is_kept(row) && !had))
    }

    fn source_stays(&self, row: &ContestedSource) -> bool {
        let rivals: Vec<&Candidate> = self
            .rows
            .sources
            .iter()
            .filter(|other| other.candidate.takes_part && other.name == row.name)
            .map(|other| &other.candidate)
            .collect();
        let own = &row.candidate;
        let newest = |one: &&Candidate| {
            !rivals.iter().any(|other| {
                is_same(&other.version, &one.version)
                    && (other.date_created, other.publication) > (one.date_created, one.publication)
            })
        };
        let above =
            rivals.iter().filter(|one| newest(one) && one.version.dpkg_cmp(&own.version).is_gt()).count();
        let same: Vec<&&Candidate> =
            rivals.iter().filter(|one| is_same(&one.version, &own.version)).collect();
        let has_kept_binary = self.rows.binaries.iter().any(|binary| {
            !is_debug(binary)
                && self.is_newest_of_its_version(binary)
                && self.is_kept(binary)
                && !self.above(binary).is_empty()
                && binary.source.name == row.name
                && same.iter().any(|one| one.version == binary.source.version)
        });
        newest(&own) && (above < self.keep || has_kept_binary)
    }

    fn gone(&self) -> Vec<(PackageKind, PublicationId)> {
        let mut gone: Vec<_> = self
            .rows
            .binaries
            .iter()
            .filter(|row| row.candidate.takes_part)
            .filter(|row| if is_debug(row) { !self.symbols_stay(row) } else { !self.stays(row) })
            .map(|row| (PackageKind::Binary, row.candidate.publication))
            .collect();
        let sources = self.rows.sources.iter();
        gone.extend(
            sources
                .filter(|row| row.candidate.takes_part && !self.source_stays(row))
                .map(|row| (PackageKind::Source, row.candidate.publication)),
        );
        gone.sort();
        gone
    }
}

fn tables() -> impl Strategy<Value = String> {
    let versions = ["1", "1-0", "1.1", "2~a", "2", "1:0"];
    let source =
        (0..2usize, 0..versions.len(), 0..3u8, any::<bool>()).prop_map(move |(name, version, day, waits)| {
            let waits = if waits && day == 0 { "waits" } else { "" };
            format!("source {} {} day {day} {waits}", ["app", "data"][name], versions[version])
        });
    let binary = (0..3usize, 0..3usize, 0..versions.len(), 0..2usize, 0..versions.len(), 0..3u8, 0..16u8)
        .prop_map(move |(index, name, version, source, source_version, day, bits)| {
            let (index, version) = (INDEXES[index], versions[version]);
            let of = format!("of {}/{}", ["app", "data"][source], versions[source_version]);
            let name = ["app", "data", "app-dbgsym"][name];
            let kind = match (name, bits & 1 == 1) {
                ("app-dbgsym", true) => "ddeb had",
                ("app-dbgsym", false) => "ddeb",
                ("data", true) => "all",
                (_, true) if bits & 2 == 2 => "all",
                _ => "",
            };
            let phased = if bits & 12 == 4 { "phased" } else { "" };
            let waits = if bits & 12 == 12 { "waits" } else { "" };
            format!("{index} {name} {version} {of} {kind} {phased} {waits} day {day}")
        });
    proptest::collection::vec(prop_oneof![1 => source, 4 => binary], 0..14).prop_map(|lines| {
        let numbered = lines.iter().enumerate().map(|(place, line)| format!("{} {line}\n", place + 1));
        numbered.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn it_agrees_with_its_slow_twin(table in tables(), keep in 1..4usize) {
        let rows = rows(&table);
        let verdicts = judge(&rows.binaries, &rows.sources, NonZeroUsize::new(keep).unwrap());
        let mut gone: Vec<_> = verdicts.iter().map(|verdict| (verdict.kind, verdict.publication)).collect();
        gone.sort();
        prop_assert_eq!(&gone, &Twin { rows: &rows, keep }.gone(), "{}", table);
        gone.dedup();
        prop_assert_eq!(gone.len(), verdicts.len(), "a publication goes once");
    }

    #[test]
    fn the_order_of_the_rows_does_not_matter_and_a_second_judgement_changes_nothing(
        table in tables(),
        keep in 1..4usize,
        seed in any::<prop::sample::Index>(),
    ) {
        let all = rows(&table);
        let keep = NonZeroUsize::new(keep).unwrap();
        let verdicts = judge(&all.binaries, &all.sources, keep);
        let mut other = all.clone();
        other.binaries.reverse();
        other.sources.reverse();
        if !other.binaries.is_empty() {
            let middle = seed.index(other.binaries.len());
            other.binaries.rotate_left(middle);
        }
        prop_assert_eq!(words(&verdicts), words(&judge(&other.binaries, &other.sources, keep)));
        let is_gone = |kind, one: &Candidate| {
            verdicts.iter().any(|verdict| (verdict.kind, verdict.publication) == (kind, one.publication))
        };
        other.binaries.retain(|row| !is_gone(PackageKind::Binary, &row.candidate));
        other.sources.retain(|row| !is_gone(PackageKind::Source, &row.candidate));
        let again = judge(&other.binaries, &other.sources, keep);
        prop_assert!(again.is_empty(), "{}\n{:?}\n{:?}", table, words(&verdicts), words(&again));
    }

    #[test]
    fn no_name_is_ever_lost(table in tables(), keep in 1..4usize) {
        let rows = rows(&table);
        let verdicts = judge(&rows.binaries, &rows.sources, NonZeroUsize::new(keep).unwrap());
        let stays = |kind, one: &Candidate| {
            one.takes_part
                && !verdicts.iter().any(|verdict| (verdict.kind, verdict.publication) == (kind, one.publication))
        };
        for row in rows.binaries.iter().filter(|row| row.candidate.takes_part && !is_debug(row)) {
            let latest = rows.binaries.iter().any(|other| {
                !is_debug(other)
                    && (other.architecture, &other.name) == (row.architecture, &row.name)
                    && other.candidate.version.dpkg_cmp(&row.candidate.version).is_ge()
                    && stays(PackageKind::Binary, &other.candidate)
            });
            prop_assert!(latest, "{:?} has no version that is as high", row);
        }
        for row in rows.sources.iter().filter(|row| row.candidate.takes_part) {
            let latest = rows.sources.iter().any(|other| {
                other.name == row.name
                    && other.candidate.version.dpkg_cmp(&row.candidate.version).is_ge()
                    && stays(PackageKind::Source, &other.candidate)
            });
            prop_assert!(latest, "{:?} has no version that is as high", row);
        }
    }
}
