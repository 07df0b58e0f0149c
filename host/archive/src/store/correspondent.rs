//! Whom news is sent to, as the rows of people and permissions say.

use rusqlite::{Connection, OptionalExtension};

use super::{During, StoreError};
use crate::domain::{ArchiveId, PersonId};

/// Somebody who gets mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correspondent {
    /// How people write the name.
    pub display_name: String,
    /// The address that is preferred.
    pub email: String,
}

/// Where a person gets mail; none where nowhere.
///
/// # Errors
/// When the database fails.
pub fn correspondent(db: &Connection, person: PersonId) -> Result<Option<Correspondent>, StoreError> {
    db.prepare_cached(
        "SELECT display_name, email FROM person JOIN email_address ON email_address.person = person.id
         WHERE person.id = ?1 ORDER BY ordering, email LIMIT 1",
    )
    .and_then(|mut statement| {
        statement
            .query_row([person], |row| Ok(Correspondent { display_name: row.get(0)?, email: row.get(1)? }))
            .optional()
    })
    .during("find where a person gets mail")
}

/// Whether an address is that of somebody who may upload something to an archive, alone or as one of a team.
///
/// # Errors
/// When the database fails.
pub fn is_uploader(db: &Connection, archive: ArchiveId, email: &str) -> Result<bool, StoreError> {
    db.prepare_cached(
        "WITH RECURSIVE acts_as (id) AS (
             SELECT person.id FROM email_address JOIN person ON person.id = email_address.person WHERE email = ?2 AND active = 1
             UNION
             SELECT team.id FROM acts_as JOIN team_membership ON member = acts_as.id JOIN person AS team ON team.id = team
             WHERE team.active = 1
         )
         SELECT EXISTS (SELECT 1 FROM acts_as JOIN person USING (id) WHERE is_admin = 1)
             OR EXISTS (SELECT 1 FROM archive_permission WHERE archive = ?1 AND permission = 'UPLOAD' AND person IN acts_as)",
    )
    .and_then(|mut statement| statement.query_row((archive, email), |row| row.get(0)))
    .during("find whether somebody uploads")
}
