//! Tells a server what was published: one POST of JSON, whose form the operator may choose, signed so that the server knows who sends it.

pub mod logic;

use pressroom_plugin::{
    Finalize, FinalizeContext, HookError, Host, HostExt, HttpRequest, PassContext, PostPublication, Priority,
    Report,
};

use logic::{Config, Event, News};

/// The hook.
pub struct Webhook;

pressroom_plugin::hooks!(Webhook: post_publication, finalize);

impl PostPublication for Webhook {
    fn run(context: &PassContext, host: &mut dyn Host) -> Result<Report, HookError> {
        tell(&Event::of_pass(context), host)
    }
}

impl Finalize for Webhook {
    fn run(context: &FinalizeContext, host: &mut dyn Host) -> Result<Report, HookError> {
        tell(&Event::of_finalize(context), host)
    }
}

fn tell(event: &Event, host: &mut dyn Host) -> Result<Report, HookError> {
    let config: Config = host.config()?;
    if config.url.is_empty() {
        return Ok(Report::skipped("no url is configured"));
    }
    if event.priority != Priority::High && !config.at_low_priority {
        return Ok(Report::skipped("only security passes are told"));
    }
    let key = config.key()?;
    let mut news = News::new(event, config.most_changes);
    for change in host.changes()? {
        news.add(change?);
    }
    let body = logic::body(&config, event, &news)?;
    if event.dry_run {
        return Ok(Report::done(format!(
            "{} bytes would be sent to {}",
            body.len(),
            logic::shown(&config.url)
        ))
        .with_details(String::from_utf8_lossy(&body)));
    }
    let delivery = logic::delivery(event, &config.url);
    let mut request = HttpRequest::post(config.url.clone(), body)
        .header("Content-Type", "application/json")
        .header("X-Pressroom-Event", event.point)
        .header("X-Pressroom-Delivery", delivery.clone())
        .header("X-Pressroom-Timestamp", event.started.to_string());
    if let Some(key) = key {
        let signature = logic::signature(key, &delivery, event.started, &request.body)?;
        request = request.header("X-Pressroom-Signature", signature);
    }
    let response = host.http(&request).map_err(|error| logic::unanswered(&error, &config.url))?;
    logic::judge(&response, &config.url, &delivery)
}
