//! Many files whose rows must not come before them: made, made durable, recorded, each step with another batch.

use std::sync::mpsc::sync_channel;
use std::thread;

use super::DiskError;

/// Takes batches through three hands that work side by side: `make` writes files, `sync` makes them durable, `record` may then commit rows that
/// name them. Batches are recorded in their order, and by the caller's own thread. Nothing waits between the hands, so that three batches at most
/// are in memory.
///
/// # Errors
/// What `sync` or `record` said. What was recorded before stays; batches behind it are made in part, and not recorded.
pub fn in_batches<B: Send, T: Send, E: From<DiskError>>(
    batches: impl IntoIterator<Item = B, IntoIter: Send>,
    make: impl Fn(B) -> T + Send,
    sync: impl Fn(&T) -> Result<(), DiskError> + Send,
    mut record: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let batches = batches.into_iter();
    thread::scope(|scope| {
        let (made, to_sync) = sync_channel(0);
        let (synced, to_record) = sync_channel(0);
        // who is no longer listened to ends: there was an error behind him
        scope.spawn(move || {
            for batch in batches {
                if made.send(make(batch)).is_err() {
                    return;
                }
            }
        });
        scope.spawn(move || {
            for batch in to_sync {
                let result = sync(&batch);
                if synced.send((batch, result)).is_err() {
                    return;
                }
            }
        });
        for (batch, result) in to_record {
            result?;
            record(batch)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn disk_error() -> DiskError {
        DiskError { action: "sync", path: "here".into(), source: std::io::Error::other("no disk") }
    }

    #[test]
    fn every_batch_is_synced_before_it_is_recorded_and_in_order() {
        let synced = Mutex::new(Vec::new());
        let mut recorded = Vec::new();
        let sync = |batch: &i32| {
            synced.lock().unwrap().push(*batch);
            Ok(())
        };
        in_batches(
            0..50,
            |number| number * 2,
            sync,
            |batch| {
                assert!(synced.lock().unwrap().contains(&batch));
                recorded.push(batch);
                Ok::<(), DiskError>(())
            },
        )
        .unwrap();
        assert_eq!(recorded, (0..50).map(|number| number * 2).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_is_recorded_after_an_error_and_little_is_made() {
        for fails in ["sync", "record"] {
            let (made, mut recorded) = (AtomicUsize::new(0), Vec::new());
            let make = |number: i32| {
                made.fetch_add(1, Ordering::Relaxed);
                number
            };
            let sync = |batch: &i32| if (fails, *batch) == ("sync", 3) { Err(disk_error()) } else { Ok(()) };
            let result = in_batches(0..1000, make, sync, |batch| {
                if (fails, batch) == ("record", 3) {
                    return Err(disk_error());
                }
                recorded.push(batch);
                Ok(())
            });
            assert!(result.is_err());
            assert_eq!(recorded, [0, 1, 2]);
            assert!(made.into_inner() < 10);
        }
    }
}
