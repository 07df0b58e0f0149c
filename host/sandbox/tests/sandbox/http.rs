//! `wasi:http`, from a guest to whoever answers: what goes over whole, what does not go over, and what the guest is told.

use std::{path::PathBuf, sync::OnceLock};

use pressroom_sandbox::{
    Artefact, ByteBuf, CallOutcome, CallReport, HttpFailure, HttpRequest, HttpResponse, Limits, Point,
};

use crate::support::{Host, bad_component, build_component, call, compile, report, sandbox};

/// The hook that asks servers, compiled once.
fn artefact() -> &'static Artefact {
    static COMPILED: OnceLock<Artefact> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let folder: PathBuf = tempfile::tempdir().unwrap().keep();
        compile(&build_component("bad-http"), &folder.join("http.cwasm"))
    })
}

fn asks(host: &mut Host, config: &str, limits: Limits) -> CallReport {
    let config = format!(r#"{{"url": "https://hooks.example.org:8443/a/b?c=d", {config}}}"#);
    sandbox().call(artefact(), &call(Point::Finalize, &config, limits), host)
}

fn answering(answer: Result<HttpResponse, HttpFailure>) -> Host {
    Host { http_answer: Some(answer), ..Host::default() }
}

fn ok(body: &[u8]) -> Result<HttpResponse, HttpFailure> {
    let headers = vec![("x-one".to_owned(), ByteBuf::from(b"two"))];
    Ok(HttpResponse { status: 200, headers, body: ByteBuf::from(body) })
}

#[test]
fn a_request_goes_over_whole_and_its_answer_comes_back_whole() {
    let mut host = answering(ok(&vec![b'y'; 300_000]));
    let answer = asks(&mut host, r#""behave": "send", "amount": 200000"#, Limits::default());
    assert_eq!(report(&answer).details, "200, 300000 bytes", "{answer:?}");
    let [request] = &host.http[..] else { panic!("{:?}", host.http) };
    assert_eq!(
        (request.method.as_str(), request.url.as_str()),
        ("POST", "https://hooks.example.org:8443/a/b?c=d")
    );
    assert_eq!(request.body.len(), 200_000);
    assert!(request.headers.is_empty(), "{:?}", request.headers);
    assert_eq!(answer.host_calls, 1);
}

#[test]
fn what_is_not_granted_never_reaches_the_host() {
    let mut host = answering(ok(b""));
    let config = r#"{"url": "https://hooks.example.org/", "behave": "ask"}"#;
    let mut call = call(Point::Finalize, config, Limits::default());
    call.capabilities.http = false;
    let answer = sandbox().call(artefact(), &call, &mut host);
    assert!(
        matches!(&answer.outcome, CallOutcome::Failed(said) if said.contains("not granted")),
        "{answer:?}"
    );
    assert_eq!(host.requests, 0);
}

#[test]
fn a_hook_is_told_in_the_words_of_wasi_why_there_is_no_answer() {
    let text = || "why".to_owned();
    for (failure, said) in [
        (HttpFailure::Denied(text()), "Denied"),
        (HttpFailure::Prohibited(text()), "AddressDenied"),
        (HttpFailure::BadRequest(text()), "BadRequest"),
        (HttpFailure::RequestTooLarge(7), "BadRequest"),
        (HttpFailure::NoSuchHost(text()), "Unreachable(\"why\")"),
        (HttpFailure::NoConnection(text()), "Unreachable"),
        (HttpFailure::ConnectTimedOut, "Unreachable"),
        (HttpFailure::Tls(text()), "Insecure"),
        (HttpFailure::TimedOut, "TimedOut"),
        (HttpFailure::Closed(text()), "Unreachable"),
        (HttpFailure::HeadersTooLarge, "BadAnswer"),
        (HttpFailure::ResponseTooLarge(7), "BadAnswer(\"it is longer than the 7 bytes"),
        (HttpFailure::Protocol(text()), "BadAnswer"),
        (HttpFailure::Failed(text()), "Failed(\"why\")"),
    ] {
        let mut host = answering(Err(failure.clone()));
        let answer = asks(&mut host, r#""behave": "ask", "insist": true"#, Limits::default());
        assert!(report(&answer).details.starts_with(said), "{failure}: {answer:?}");
    }
}

#[test]
fn what_is_too_much_stays_in_the_worker() {
    let mut host = answering(ok(b""));
    let limits = Limits { http_request_bytes: 1000, http_requests: 2, ..Limits::default() };
    let answer = asks(&mut host, r#""behave": "send", "amount": 1001"#, limits.clone());
    assert!(
        matches!(&answer.outcome, CallOutcome::Failed(said) if said.contains("1000 bytes")),
        "{answer:?}"
    );
    assert!(host.http.is_empty());
    let answer = asks(&mut host, r#""behave": "send", "amount": 1000"#, limits.clone());
    assert_eq!(report(&answer).details, "200, 0 bytes");
    host.http.clear();
    let answer = asks(&mut host, r#""behave": "storm", "amount": 9, "insist": true"#, limits.clone());
    assert_eq!(report(&answer).details, "200, 0 bytes\nTooMany");
    assert_eq!(host.http.len(), 2);
    // a body of no end has one
    let answer = asks(&mut host, r#""behave": "send", "amount": 50000000"#, limits);
    assert!(matches!(&answer.outcome, CallOutcome::Failed(_)), "{answer:?}");
    // headers beyond what fits are an end of the request, or of the hook
    host.http.clear();
    let answer = asks(&mut host, r#""behave": "header-flood", "amount": 700"#, Limits::default());
    assert!(!matches!(answer.outcome, CallOutcome::Report(_) | CallOutcome::WorkerLost(_)), "{answer:?}");
    let answer = asks(&mut host, r#""behave": "header-flood", "amount": 100000"#, Limits::default());
    assert!(!matches!(answer.outcome, CallOutcome::Report(_) | CallOutcome::WorkerLost(_)), "{answer:?}");
    assert!(host.http.is_empty());
}

#[test]
fn what_is_the_hosts_to_say_is_refused_before_it_leaves_the_worker() {
    for behave in ["framing", "methods", "odd-urls"] {
        let mut host = answering(ok(b""));
        let config = format!(r#""behave": "{behave}", "insist": true"#);
        let answer = asks(&mut host, &config, Limits::default());
        assert!(report(&answer).details.contains("BadRequest"), "{answer:?}");
        for HttpRequest { method, url, headers, .. } in &host.http {
            assert!(!method.contains([' ', '\r', '\n']), "{method:?}");
            assert!(!url.contains([' ', '\r', '\n']), "{url:?}");
            for (name, value) in headers {
                assert!(
                    !["host", "transfer-encoding", "connection", "upgrade"].contains(&name.as_str()),
                    "{name}"
                );
                assert!(!value.contains(&b'\n'), "{value:?}");
            }
        }
    }
}

#[test]
fn a_hook_that_does_not_ask_servers_has_no_import_for_it() {
    let inspection = pressroom_sandbox::inspect(&std::fs::read(bad_component()).unwrap()).unwrap();
    assert!(!inspection.imports.iter().any(|import| import == "http"), "{inspection:?}");
    assert!(!inspection.wasi_imports.iter().any(|import| import.starts_with("wasi:http")), "{inspection:?}");
    let inspection =
        pressroom_sandbox::inspect(&std::fs::read(build_component("bad-http")).unwrap()).unwrap();
    assert!(inspection.imports.iter().any(|import| import == "http"), "{inspection:?}");
}
