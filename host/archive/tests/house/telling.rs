//! Who is told what of uploads, with real rows and the mails as they are sent.

use std::path::Path;

use pressroom_archive::domain::digest::FileDigests;
use pressroom_archive::domain::problem::{Problem, Severity};
use pressroom_archive::domain::{
    ArchivePurpose, BugTracker, Permission, PersonId, PersonKind, UploadId, UploadPolicy, UploadStatus,
};
use pressroom_archive::format::Changes;
use pressroom_archive::notify::{
    FactFile, FactKind, Letterhead, NotifyError, Signature, UploadFacts, UploadNews, close_bug, tell,
    templates,
};
use pressroom_archive::store::archive_permission::{NewPermission, Scope, grant};
use pressroom_archive::store::distribution::{DistributionChange, change_distribution, distribution};
use pressroom_archive::store::outbox_message::{self, Filter, OutboxMessage};
use pressroom_archive::store::package_upload::{NewUpload, add_upload};
use pressroom_archive::store::person::{
    NewPerson, PersonChange, change_person, create_person, join_team, person,
};
use pressroom_archive::store::{StoreError, library_file, series};

use crate::fixture::House;

/// What `Changed-By` has in these tests.
const ANN: &str = "Ann Uploader <ann@example.org>";

fn letterhead(folder: &Path) -> Letterhead {
    Letterhead {
        sender: "Acme Archive <archive@example.org>".parse().unwrap(),
        bounces: "bounces@example.org".parse().unwrap(),
        site: "archive.example.org".into(),
        templates: folder.join("templates"),
        operators: Vec::new(),
    }
}

/// A `.changes` of a source, by Ann, for Bob's package.
fn changes(section: &str) -> String {
    let (md5, sha256) = ("0".repeat(32), "0".repeat(64));
    format!(
        "Format: 1.8\nDate: Thu, 01 Jan 1970 00:00:00 +0000\nSource: hello\nArchitecture: source\nVersion: 1.0-1\n\
         Distribution: s\nUrgency: medium\nMaintainer: Bob Maintainer <bob@example.org>\nChanged-By: {ANN}\nCloses: 12\n\
         Changes:\n hello (1.0-1) s; urgency=medium\n .\n   * Say hello, Ünder a moon. (Closes: #12)\n\
         Checksums-Sha256:\n {sha256} 3 hello_1.0-1.dsc\nFiles:\n {md5} 3 {section} optional hello_1.0-1.dsc\n"
    )
}

/// Someone with an address.
fn someone(house: &mut House, name: &str, kind: PersonKind) -> PersonId {
    let now = house.now;
    house
        .db
        .write(|tx| {
            let name = &name.parse().unwrap();
            let new = NewPerson { name, kind, display_name: &format!("{name} Somebody") };
            let id = create_person(tx, &new, now)?;
            let emails = Some(vec![format!("{name}@example.org").parse().unwrap()]);
            change_person(tx, &person(tx, name)?, &PersonChange { emails, ..PersonChange::default() })?;
            Ok::<_, StoreError>(id)
        })
        .unwrap()
}

fn may_upload(house: &mut House, person: PersonId) {
    let (archive, now) = (house.archive.id, house.now);
    house
        .db
        .write(|tx| {
            let new = NewPermission {
                archive,
                person,
                permission: Permission::Upload,
                scope: &Scope::Source("hello".parse().unwrap()),
                series: None,
            };
            grant(tx, &new, "somebody", now)
        })
        .unwrap();
}

/// An upload with its rows, signed by somebody.
fn upload(house: &mut House, suite: &str, signer: Option<PersonId>) -> UploadId {
    let text = changes("devel");
    let digests = FileDigests::of(text.as_bytes());
    house.librarian.keep_bytes(text.as_bytes(), &digests).unwrap();
    let (archive, suite, now) = (house.archive.id, house.shape(suite).suite.id, house.now);
    house
        .db
        .write(|tx| {
            let file =
                library_file::alias(tx, &digests, &"hello_1.0-1_source.changes".parse().unwrap(), now)?;
            let new = NewUpload {
                archive,
                suite,
                status: UploadStatus::New,
                policy: UploadPolicy::Insecure,
                signer,
                signing_key: None,
                changed_by: ANN,
                changes_file: Some(file.row()),
                source_name: &"hello".parse().unwrap(),
                version: &"1.0-1".parse().unwrap(),
                comment: "",
            };
            add_upload(tx, &new, now)
        })
        .unwrap()
}

/// What is known of an upload of a source that was not recorded.
fn facts(house: &House, suite: &str, signature: Signature) -> UploadFacts {
    let changes = Changes::parse(changes("devel").as_bytes()).unwrap();
    let mut facts =
        UploadFacts::of_changes("hello_1.0-1_source.changes", &changes, UploadPolicy::Insecure, signature);
    facts.archive = Some(house.archive.clone());
    facts.suite = Some(house.shape(suite).suite);
    facts
}

fn told(house: &mut House, news: &UploadNews<'_>, facts: &UploadFacts) -> Result<usize, NotifyError> {
    let (letterhead, now) = (letterhead(house.folder.path()), house.now);
    house.db.write(|tx| tell(tx, Some(&letterhead), news, facts, now))
}

/// All messages, the oldest first, with what they say.
fn outbox(house: &House) -> Vec<(OutboxMessage, String)> {
    let mut all = outbox_message::messages(house.db.read(), &Filter::default(), 1000).unwrap();
    all.reverse();
    all.into_iter()
        .map(|message| {
            let content = outbox_message::content(house.db.read(), message.id).unwrap();
            (message, String::from_utf8(content).unwrap())
        })
        .collect()
}

fn recipients(house: &House) -> Vec<String> {
    outbox(house)
        .into_iter()
        .map(|(message, _)| format!("{} {}", message.topic, message.recipients))
        .collect()
}

fn header<'a>(mail: &'a str, name: &str) -> Option<&'a str> {
    mail.split("\r\n\r\n").next()?.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn with_list(house: &mut House) {
    house.change_series(&series::SeriesChange {
        changes_list: Some(Some("changes@lists.example.org".parse().unwrap())),
        ..series::SeriesChange::default()
    });
}

#[test]
fn each_of_those_concerned_has_a_message_and_the_list_is_told_once() {
    let mut house = House::new(&["main"], &["amd64"]);
    with_list(&mut house);
    let signer = someone(&mut house, "cem", PersonKind::Person);
    someone(&mut house, "ann", PersonKind::Person);
    let team = someone(&mut house, "makers", PersonKind::Team);
    let now = house.now;
    house
        .db
        .write(|tx| {
            let (team, ann) = (person(tx, &"makers".parse().unwrap())?, person(tx, &"ann".parse().unwrap())?);
            join_team(tx, &team, &ann, now)
        })
        .unwrap();
    // Ann uploads as one of a team; Bob does not
    may_upload(&mut house, team);
    someone(&mut house, "bob", PersonKind::Person);
    let id = upload(&mut house, "s", Some(signer));
    let facts = UploadFacts::load(house.db.read(), &house.librarian, id).unwrap();
    assert_eq!(told(&mut house, &UploadNews::New, &facts).unwrap(), 2);
    assert_eq!(told(&mut house, &UploadNews::Accepted, &facts).unwrap(), 3);
    let comment = "not this one";
    assert_eq!(told(&mut house, &UploadNews::Rejected { problems: &[], comment }, &facts).unwrap(), 2);
    assert_eq!(told(&mut house, &UploadNews::Accepted, &facts).unwrap(), 2);
    let expected = [
        "NEW cem@example.org",
        "NEW ann@example.org",
        "ACCEPTED cem@example.org",
        "ACCEPTED ann@example.org",
        "ANNOUNCE changes@lists.example.org",
        "REJECTED cem@example.org",
        "REJECTED ann@example.org",
        "ACCEPTED cem@example.org",
        "ACCEPTED ann@example.org",
    ];
    assert_eq!(recipients(&house), expected);
    // one thread: the first begins it, and each has an identity of its own
    let outbox = outbox(&house);
    let first = header(&outbox[0].1, "Message-ID").unwrap();
    assert_eq!(
        (header(&outbox[1].1, "Message-ID").unwrap(), header(&outbox[0].1, "In-Reply-To")),
        (first, None)
    );
    for later in [2, 3, 5, 7] {
        assert_eq!(header(&outbox[later].1, "In-Reply-To"), Some(first));
        assert_ne!(header(&outbox[later].1, "Message-ID"), Some(first));
    }
    assert_ne!(header(&outbox[2].1, "Message-ID"), header(&outbox[7].1, "Message-ID"));
    assert_eq!(header(&outbox[4].1, "Reply-To"), Some("\"Ann Uploader\" <ann@example.org>"));
    assert_eq!(header(&outbox[0].1, "X-Pressroom-Upload"), Some(id.to_string().as_str()));
    assert!(outbox[5].1.contains("not this one"), "{}", outbox[5].1);
    assert!(outbox.iter().all(|(message, _)| message.sender == "bounces@example.org"));
}

#[test]
fn a_refusal_says_everything_and_obeys_nothing() {
    let mut house = House::new(&["main"], &["amd64"]);
    with_list(&mut house);
    let signer = someone(&mut house, "cem", PersonKind::Person);
    let facts = facts(&house, "s", Signature::Verified(signer));
    let problem = |check, what: &str| Problem {
        severity: Severity::Rejection,
        check,
        file: Some("hello_1.0-1.dsc\r\nBcc: all@example.org".into()),
        what: what.into(),
        remedy: "do otherwise".into(),
    };
    let problems = [problem("file-digest", "it is another file"), problem("version", "it is \u{1b}[2J old")];
    let news = UploadNews::Rejected { problems: &problems, comment: "" };
    assert_eq!(told(&mut house, &news, &facts).unwrap(), 1);
    let outbox = outbox(&house);
    let mail = &outbox[0].1;
    assert_eq!(header(mail, "Subject"), Some("Rejected: hello 1.0-1 for s (d)"));
    assert_eq!(header(mail, "Bcc"), None);
    for said in ["it is another file: do otherwise", "old: do otherwise", "Say hello"] {
        assert!(mail.contains(said), "{said:?} is not in {mail}");
    }
    assert!(!mail.contains('\u{1b}') && mail.is_ascii(), "{mail}");
    // what nobody known has signed is told to nobody
    let unsigned = UploadFacts { signature: Signature::Unverified, ..facts.clone() };
    assert_eq!(told(&mut house, &news, &unsigned).unwrap(), 0);
    // and what could not be read at all, to its signer
    let unread = UploadFacts::of_leaf("x\r\nBcc: a@b", UploadPolicy::Insecure, Signature::Verified(signer));
    assert_eq!(told(&mut house, &news, &unread).unwrap(), 1);
    let language = Changes::parse(changes("translations").as_bytes()).unwrap();
    let language = UploadFacts::of_changes("x", &language, UploadPolicy::Insecure, facts.signature);
    assert_eq!(told(&mut house, &news, &language).unwrap(), 0);
}

#[test]
fn mails_read_as_people_would_write_them() {
    let mut house = House::new(&["main"], &["amd64"]);
    with_list(&mut house);
    let signer = someone(&mut house, "cem", PersonKind::Person);
    let mut facts = facts(&house, "s-proposed", Signature::Verified(signer));
    facts.changes = "hello (1.0-1) s; urgency=medium\n\n  * Say hello.".into();
    let part = |name: &str, kind, is_new| FactFile {
        name: name.into(),
        kind,
        component: Some("main".parse().unwrap()),
        section: Some("devel".parse().unwrap()),
        is_new,
    };
    facts.files = vec![
        part("hello 1.0-1", FactKind::Source, true),
        part("hello-doc 1.0-1 all", FactKind::Binary, false),
        part("hello_1.0-1.tar.xz", FactKind::Other, false),
    ];
    let problem = |severity, file: Option<&str>, what: &str, remedy: &str| Problem {
        severity,
        check: "sample",
        file: file.map(str::to_owned),
        what: what.into(),
        remedy: remedy.into(),
    };
    facts.warnings = vec![problem(Severity::Warning, None, "there is no debian/copyright", "add one")];
    let rejections = [
        problem(Severity::Rejection, Some("hello_1.0-1.dsc"), "its size is 3, not 4", "send it again"),
        problem(Severity::Rejection, None, "the version is older than 2.0", ""),
    ];
    told(&mut house, &UploadNews::New, &facts).unwrap();
    told(
        &mut house,
        &UploadNews::Rejected { problems: &rejections, comment: "Please talk to us.\n" },
        &facts,
    )
    .unwrap();
    told(&mut house, &UploadNews::Unapproved, &facts).unwrap();
    told(&mut house, &UploadNews::Accepted, &facts).unwrap();
    let bodies: Vec<String> = outbox(&house)
        .into_iter()
        .map(|(_, mail)| mail.split_once("\r\n\r\n").unwrap().1.replace("\r\n", "\n"))
        .collect();
    assert_eq!(
        bodies[0],
        "\
hello 1.0-1 has arrived for s-proposed (d). Something in it was never there before, so an archive administrator
looks at it first. You will be told what was decided.

  hello 1.0-1  (main/devel)  new
  hello-doc 1.0-1 all  (main/devel)

What you should know already:

* there is no debian/copyright: add one

hello (1.0-1) s; urgency=medium

  * Say hello.

-- 
archive.example.org, for D
"
    );
    assert_eq!(
        bodies[1],
        "\
hello 1.0-1 was rejected for s-proposed (d).

Please talk to us.

* hello_1.0-1.dsc: its size is 3, not 4: send it again
* the version is older than 2.0

Besides:

* there is no debian/copyright: add one

Nothing of it was published. When this is put right it can be uploaded again.

hello (1.0-1) s; urgency=medium

  * Say hello.

-- 
archive.example.org, for D
"
    );
    assert!(
        bodies[2].starts_with("hello 1.0-1 has arrived for s-proposed (d), which takes nothing without"),
        "{}",
        bodies[2]
    );
    assert!(
        bodies[3].starts_with(
            "hello 1.0-1 was accepted for s-proposed (d), and will be in its next publication.\n\n  hello"
        ),
        "{}",
        bodies[3]
    );
}

#[test]
fn without_a_letterhead_nothing_is_written_and_what_is_taken_back_is_told_to_nobody() {
    let mut house = House::new(&["main"], &["amd64"]);
    let signer = someone(&mut house, "cem", PersonKind::Person);
    let facts = facts(&house, "s", Signature::Verified(signer));
    let (head, now) = (letterhead(house.folder.path()), house.now);
    assert_eq!(house.db.write(|tx| tell(tx, None, &UploadNews::Accepted, &facts, now)).unwrap(), 0);
    let written = house.db.rehearse(|tx| tell(tx, Some(&head), &UploadNews::Accepted, &facts, now));
    assert_eq!(written.unwrap(), 1);
    assert!(outbox(&house).is_empty());
    // somebody without an address cannot be told
    house
        .db
        .write(|tx| {
            let emails = Some(Vec::new());
            let cem = person(tx, &"cem".parse().unwrap())?;
            change_person(tx, &cem, &PersonChange { emails, ..PersonChange::default() })
        })
        .unwrap();
    assert_eq!(told(&mut house, &UploadNews::Accepted, &facts).unwrap(), 0);
}

#[test]
fn in_an_archive_of_a_person_its_uploader_alone_is_told() {
    let mut house = House::new(&["main"], &["amd64"]);
    with_list(&mut house);
    let signer = someone(&mut house, "cem", PersonKind::Person);
    let ann = someone(&mut house, "ann", PersonKind::Person);
    may_upload(&mut house, ann);
    let mut facts = facts(&house, "s", Signature::Verified(signer));
    facts.archive.as_mut().unwrap().purpose = ArchivePurpose::Ppa;
    assert_eq!(told(&mut house, &UploadNews::Accepted, &facts).unwrap(), 1);
    assert_eq!(recipients(&house), ["ACCEPTED cem@example.org"]);
}

#[test]
fn a_distribution_has_texts_of_its_own_and_a_broken_one_is_said_with_its_line() {
    let mut house = House::new(&["main"], &["amd64"]);
    let signer = someone(&mut house, "cem", PersonKind::Person);
    let facts = facts(&house, "s", Signature::Verified(signer));
    let folder = letterhead(house.folder.path()).templates;
    let write = |name: &str, text: &str| {
        pressroom_archive::disk::write_staged(&folder.join("d").join(name), text.as_bytes()).unwrap();
    };
    write("accepted.txt", "Subject: {{ source }}\r is in\n\nThanks, {{ changed_by }}!\n");
    write("accepted.txt~", "what an editor leaves does not matter");
    templates::check(&folder).unwrap();
    told(&mut house, &UploadNews::Accepted, &facts).unwrap();
    let mail = outbox(&house).pop().unwrap().1;
    assert_eq!(header(&mail, "Subject"), Some("hello is in"));
    assert!(mail.ends_with("\r\n\r\nThanks, Ann Uploader <ann@example.org>!\r\n"), "{mail}");
    let long = "x".repeat(70_000);
    for (text, line, reason) in [
        ("Subject: x\n\n{% if %}\n", "line 3", "syntax error"),
        ("Subject: x\n\nYes.\n{{ titel }}\n", "line 4", "undefined value"),
        ("Subject: x\n\n{{ packages[0].nmae }}\n", "line 3", "undefined value"),
        ("Subject: x\n\n{{ title|nothing }}\n", "line 3", "unknown filter"),
        ("Dear uploader,\n\nit is in.\n", "line 1", "Subject"),
        ("Subject: x\nIt is in.\n", "line 1", "Subject"),
        ("Subject: \n\nIt is in.\n", "line 1", "Subject"),
        ("", "line 1", "Subject"),
        (
            "Subject: x\n\n{% for a in range(9999) %}{% for b in range(9999) %}.{% endfor %}{% endfor %}\n",
            "",
            "fuel",
        ),
        ("Subject: x\n\n{% for a in range(9999) %}{{ '%0300d'|format(a) }}{% endfor %}\n", "", "longer"),
        (long.as_str(), "", "longer"),
    ] {
        write("accepted.txt", text);
        let shown: String = text.chars().take(60).collect();
        let said = templates::check(&folder).unwrap_err().to_string();
        assert!(
            said.contains("d/accepted.txt") && said.contains(line) && said.contains(reason),
            "{shown}: {said}"
        );
        // who uploads is told all the same, in Pressroom's own words
        told(&mut house, &UploadNews::Accepted, &facts).unwrap();
        let mail = outbox(&house).pop().unwrap().1;
        assert_eq!(header(&mail, "Subject"), Some("Accepted: hello 1.0-1 for s (d)"), "{shown}");
    }
    write("accepted.txt", "Subject: x\n\nIt is in.\n");
    write("acepted.txt", "Subject: x\n\nIt is in.\n");
    let refused = templates::check(&folder).unwrap_err().to_string();
    assert!(refused.contains("acepted.txt") && refused.contains("rejected.txt"), "{refused}");
}

#[test]
fn operators_hear_once_of_a_template_that_breaks_over_what_was_sent() {
    let mut house = House::new(&["main"], &["amd64"]);
    let signer = someone(&mut house, "cem", PersonKind::Person);
    let facts = facts(&house, "s", Signature::Verified(signer));
    let mut head = letterhead(house.folder.path());
    head.operators = ["Ops <ops@example.org>", "night@example.org"].map(|one| one.parse().unwrap()).into();
    // good enough for what templates are tried with
    let text = "Subject: {{ title }}\n\n{% if source == 'hello' %}{{ nonsense }}{% endif %}\n";
    let file = head.templates.join("d/accepted.txt");
    pressroom_archive::disk::write_staged(&file, text.as_bytes()).unwrap();
    templates::check(&head.templates).unwrap();
    let now = house.now;
    for _ in 0..2 {
        house.db.write(|tx| tell(tx, Some(&head), &UploadNews::Accepted, &facts, now)).unwrap();
    }
    let expected = [
        "TEMPLATE ops@example.org",
        "TEMPLATE night@example.org",
        "ACCEPTED cem@example.org",
        "ACCEPTED cem@example.org",
    ];
    assert_eq!(recipients(&house), expected);
    let mail = outbox(&house).remove(0).1;
    assert!(mail.contains("accepted.txt, line 3") && mail.contains("hello 1.0-1"), "{mail}");
}

#[test]
fn what_builders_send_comes_in_silence_whatever_it_is() {
    use FactKind::{Binary, Custom, Source};
    for (kinds, expected) in [
        (&[Custom][..], [].as_slice()),
        (&[Binary], &[]),
        (&[Custom, Binary], &[]),
        (&[Source, Custom], &["ACCEPTED ann@example.org", "ANNOUNCE changes@lists.example.org"]),
    ] {
        let mut house = House::new(&["main"], &["amd64"]);
        with_list(&mut house);
        let ann = someone(&mut house, "ann", PersonKind::Person);
        may_upload(&mut house, ann);
        let mut facts = facts(&house, "s", Signature::NotAsked);
        let file = |kind: &FactKind| FactFile {
            name: "debian-installer-images_1_amd64.tar.gz".into(),
            kind: *kind,
            component: None,
            section: None,
            is_new: false,
        };
        facts.files = kinds.iter().map(file).collect();
        told(&mut house, &UploadNews::Accepted, &facts).unwrap();
        assert_eq!(recipients(&house), expected, "{kinds:?}");
    }
}

#[test]
fn what_is_forgotten_is_not_said_again_and_leaves_its_number() {
    let mut house = House::new(&["main"], &["amd64"]);
    with_list(&mut house);
    let signer = someone(&mut house, "cem", PersonKind::Person);
    let id = upload(&mut house, "s", Some(signer));
    let facts = UploadFacts::load(house.db.read(), &house.librarian, id).unwrap();
    let now = house.now;
    let ids = |house: &House| -> Vec<String> {
        outbox(house).iter().map(|(_, mail)| header(mail, "Message-ID").unwrap().to_owned()).collect()
    };
    told(&mut house, &UploadNews::Accepted, &facts).unwrap();
    let before = ids(&house);
    assert_eq!(recipients(&house), ["ACCEPTED cem@example.org", "ANNOUNCE changes@lists.example.org"]);
    let forget =
        |house: &mut House, before| house.db.write(|tx| outbox_message::forget_sent(tx, before, 10)).unwrap();
    let later = now + jiff::SignedDuration::from_secs(1);
    assert_eq!(forget(&mut house, later), 0, "it waits still");
    let messages = outbox(&house);
    house
        .db
        .write(|tx| messages.iter().try_for_each(|(one, _)| outbox_message::mark_sent(tx, one.id, now)))
        .unwrap();
    assert_eq!(forget(&mut house, now), 0, "it is kept as long as it is to be");
    assert!(outbox_message::has_sent_before(house.db.read(), later).unwrap());
    assert_eq!(forget(&mut house, later), 2);
    assert!(!outbox_message::has_sent_before(house.db.read(), later).unwrap());
    assert_eq!(recipients(&house), [""; 0]);
    told(&mut house, &UploadNews::Accepted, &facts).unwrap();
    assert_eq!(recipients(&house), ["ACCEPTED cem@example.org"], "the list was told once");
    assert!(messages.iter().all(|(one, _)| one.id < outbox(&house)[0].0.id), "no number is given again");
    assert!(!before.contains(&ids(&house)[0]), "no two mails have one Message-ID");
    let first = header(&outbox(&house)[0].1, "In-Reply-To").map(str::to_owned);
    assert_eq!(first.as_ref(), before.first());
}

#[test]
fn a_bug_is_closed_once_for_a_version_by_mail_and_by_webhook() {
    let mut house = House::new(&["main"], &["amd64"]);
    let signer = someone(&mut house, "cem", PersonKind::Person);
    let id = upload(&mut house, "s", Some(signer));
    let facts = UploadFacts::load(house.db.read(), &house.librarian, id).unwrap();
    let (head, now) = (letterhead(house.folder.path()), house.now);
    let name = house.archive.reference.distribution().clone();
    let close = |house: &mut House, head: Option<&Letterhead>, tracker, bug| {
        let row = distribution(house.db.read(), &name).unwrap();
        house.db.write(|tx| close_bug(tx, head, &row, tracker, bug, &facts, now)).unwrap()
    };
    // nowhere to close it
    assert!(!close(&mut house, Some(&head), BugTracker::Debbugs, 12));
    let row = distribution(house.db.read(), &name).unwrap();
    house
        .db
        .write(|tx| {
            let change = DistributionChange {
                bug_mail: Some(Some("%s-done@bugs.example.org".into())),
                bug_webhook: Some(Some("https://bugs.example.org/closed".into())),
                ..DistributionChange::default()
            };
            change_distribution(tx, row.id, &change)
        })
        .unwrap();
    assert!(close(&mut house, Some(&head), BugTracker::Debbugs, 12));
    assert!(!close(&mut house, Some(&head), BugTracker::Debbugs, 12));
    // the number is another bug's there, so nobody at bugs.example.org has mail about it
    assert!(close(&mut house, Some(&head), BugTracker::Launchpad, 12));
    assert!(close(&mut house, None, BugTracker::Debbugs, 13));
    let expected = [
        "BUG 12-done@bugs.example.org",
        "BUG https://bugs.example.org/closed",
        "BUG https://bugs.example.org/closed",
        "BUG https://bugs.example.org/closed",
    ];
    assert_eq!(recipients(&house), expected);
    let outbox = outbox(&house);
    let mail = &outbox[0].1;
    assert_eq!(header(mail, "Subject"), Some("Bug#12: fixed in hello 1.0-1"));
    assert_eq!(header(mail, "Auto-Submitted"), None);
    let body =
        "\r\n\r\nSource: hello\r\nSource-Version: 1.0-1\r\nDone: Ann Uploader <ann@example.org>\r\n\r\n";
    assert!(mail.contains(body), "{mail}");
    let said: serde_json::Value = serde_json::from_str(&outbox[2].1).unwrap();
    for (field, value) in
        [("tracker", "LAUNCHPAD"), ("source", "hello"), ("version", "1.0-1"), ("suite", "s")]
    {
        assert_eq!(said[field], value, "{said}");
    }
    assert_eq!(said["bug"], 12);
}
