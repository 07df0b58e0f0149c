//! Leaves `project/trace/SITE` in the archive: the date and the serial by which mirrors tell how fresh they are.

pub mod logic;

use pressroom_plugin::{HookError, HostExt, PassContext, PrePublication, Report, StagingHost};

/// The hook.
pub struct Trace;

pressroom_plugin::hooks!(Trace: pre_publication);

impl PrePublication for Trace {
    fn run(context: &PassContext, host: &mut dyn StagingHost) -> Result<Report, HookError> {
        let path = logic::trace_path(&context.site_name)?;
        let key = format!("serial {}", context.archive);
        let last = host.state_get(&key)?.as_deref().and_then(logic::parse_serial);
        let serial = logic::next_serial(last, context.started);
        if last == Some(serial) {
            host.warn(&format!("{} has no serials left today: it stays {serial}", context.archive));
        }
        host.write(&path, logic::trace_text(context, serial).as_bytes())?;
        host.state_set(&key, serial.to_string().as_bytes())?;
        Ok(Report::done(format!("{path} says {serial}")))
    }
}
