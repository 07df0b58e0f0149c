//! Somebody who is in the midst of a change of the database.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::root::Root;
use crate::tool;

/// Holds the right to write until it is dropped.
#[derive(Debug)]
pub struct Writing(std::process::Child);

impl Writing {
    /// Begins a change of a root's database.
    ///
    /// # Panics
    /// When there is no Python, or no database.
    #[must_use]
    pub fn begin(root: &Root) -> Self {
        let python = "import sqlite3, sys\n\
             c = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
             c.execute('BEGIN IMMEDIATE')\n\
             print('begun', flush=True)\n\
             sys.stdin.read()";
        let mut child = tool::tool("python3")
            .args(["-c", python])
            .arg(root.path().join("pressroom.db"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 can be started");
        let mut said = String::new();
        let output = child.stdout.as_mut().expect("its output is read");
        BufReader::new(output).read_line(&mut said).expect("it says that it has begun");
        assert_eq!(said, "begun\n");
        Self(child)
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
