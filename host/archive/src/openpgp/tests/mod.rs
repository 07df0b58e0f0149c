//! The programs that will read the signatures judge them here: gpgv, gpg and apt. A missing one fails the
//! test by name.

mod apt;
mod author;
pub(crate) mod gnupg;
mod gpg;
mod joint;
mod own_key;

use jiff::Timestamp;

/// After every key of these tests was made, and before the present, so that verifiers do not see the future.
fn now() -> Timestamp {
    "2024-06-01T12:00:00Z".parse().unwrap()
}

/// Lines that a framing gets wrong easily: dashes, armour, blanks at the end, blank lines, CR LF, `From `,
/// and non-ASCII.
const AWKWARD_TEXTS: [&str; 9] = [
    "Origin: Example\nSuite: stable\n",
    "- dash\n-\n--\n- - twice\n",
    "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n",
    "Label: \nDescription: blanks \t \n\t\n",
    "\n\nbegins and ends with blank lines\n\n\n",
    "Origin: Example\r\nSuite: stable\r\n",
    "mixed\nline\r\nends \r\n\n",
    "From here\n>From there\n",
    "Description: Ærøskøbing — 配布\n",
];

/// A Release file of about a mebibyte.
fn large_text() -> String {
    let mut text = String::from("Origin: Example\nSHA256:\n");
    for number in 0..9_000 {
        text.push_str(&format!(" {number:064x} {number:8} main/binary-amd64/by-hash/SHA256/{number:032x}\n"));
    }
    text
}
