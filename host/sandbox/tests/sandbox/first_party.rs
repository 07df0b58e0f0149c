//! The hooks that are shipped: their manifests say what their components are, and they run.

use std::path::Path;

use pressroom_sandbox::{CallOutcome, Limits, Outcome, Point, inspect};
use serde::Deserialize;

use crate::support::{Host, build_component, call, compile, report, sandbox};

/// What these tests want of a manifest; a key that they do not know is an error, as it is for the host.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Manifest {
    name: String,
    description: String,
    points: Vec<String>,
    order: u8,
    capabilities: Capabilities,
    limits: ManifestLimits,
    config: toml::Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Capabilities {
    archive: bool,
    #[serde(default)]
    staging: Vec<String>,
    state: bool,
    signing: Vec<String>,
    /// There is no pattern in it: which URLs is for the operator to say.
    http: Option<[String; 0]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ManifestLimits {
    wall_seconds: u64,
    memory_bytes: u64,
    http_requests: Option<u32>,
    http_seconds: Option<u64>,
    http_response_bytes: Option<u32>,
}

#[test]
fn manifests_say_what_components_are() {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    for name in
        ["announce", "checksums", "command-not-found", "feed", "indices", "mirror-push", "trace", "webhook"]
    {
        let text = std::fs::read_to_string(plugins.join(name).join("hook.toml")).unwrap();
        let manifest: Manifest = toml::from_str(&text).unwrap();
        assert_eq!(manifest.name, name);
        assert!(!manifest.description.is_empty() && manifest.order < 100);

        let component = build_component(name);
        let inspection = inspect(&std::fs::read(&component).unwrap()).unwrap();
        let points: Vec<Point> = manifest.points.iter().map(|point| point.parse().unwrap()).collect();
        assert!(points.iter().all(|point| inspection.points.contains(point)), "{name}: {inspection:?}");
        let asks_servers = manifest.capabilities.http.is_some();
        // an encoder of xz is the largest thing in any
        assert!(inspection.size_bytes < 384 << 10, "{name}: {} bytes", inspection.size_bytes);

        assert_eq!(
            inspection.imports.iter().any(|import| import == "http"),
            asks_servers,
            "{name}: {inspection:?}"
        );
        assert_eq!(
            manifest.limits.http_requests.is_some() && manifest.limits.http_seconds.is_some(),
            asks_servers
        );
        assert!(manifest.limits.http_response_bytes.is_none() || asks_servers);

        let staging = points == [Point::PrePublication];
        assert_eq!(inspection.imports.iter().any(|import| import == "staging"), staging, "{name}");
        assert_eq!(!manifest.capabilities.staging.is_empty(), staging, "{name}");
        assert_eq!(!manifest.capabilities.signing.is_empty(), name == "checksums");

        // Called with what it asks for and its own configuration, it does its work.
        let folder = tempfile::tempdir().unwrap();
        let artefact = compile(&component, &folder.path().join(name));
        sandbox().check(&artefact, &points).unwrap();
        let mut call = call(points[0], &serde_json::to_string(&manifest.config).unwrap(), Limits::default());
        call.limits.wall = std::time::Duration::from_secs(manifest.limits.wall_seconds);
        call.limits.memory_bytes = manifest.limits.memory_bytes;
        call.capabilities.archive = manifest.capabilities.archive;
        call.capabilities.state = manifest.capabilities.state;
        call.capabilities.staging = staging;
        let mut host = Host::default();
        let answer = sandbox().call(&artefact, &call, &mut host);
        match name {
            "announce" | "checksums" | "mirror-push" | "webhook" => {
                assert_eq!(report(&answer).outcome, Outcome::Skipped, "{answer:?}");
            }
            _ => assert_eq!(report(&answer).outcome, Outcome::Done, "{answer:?}"),
        }
        for path in host.files.keys() {
            let granted = manifest.capabilities.staging.iter().any(|glob| fits(glob, path));
            assert!(granted, "{name} writes {path}, which its manifest does not ask for");
        }

        // Without, it says what is missing.
        call.capabilities = pressroom_sandbox::Capabilities::default();
        call.config_json = match name {
            "announce" => r#"{"at-low-priority": true}"#.into(),
            "mirror-push" => r#"{"mirrors": [{"name": "a", "url": "https://a.example.net/"}]}"#.into(),
            "webhook" => r#"{"url": "https://a.example.net/", "unsigned": true}"#.into(),
            _ => call.config_json,
        };
        let answer = sandbox().call(&artefact, &call, &mut Host::default());
        assert!(
            matches!(&answer.outcome, CallOutcome::Failed(said) if said.contains("not granted")),
            "{answer:?}"
        );
    }
}

/// Whether a path is within a pattern, whose `*` stays within a part of it.
fn fits(pattern: &str, path: &str) -> bool {
    let (patterns, parts): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    patterns.len() == parts.len()
        && patterns.iter().zip(parts).all(|(pattern, part)| match pattern.split_once('*') {
            None => *pattern == part,
            Some((before, after)) => {
                part.len() >= before.len() + after.len() && part.starts_with(before) && part.ends_with(after)
            }
        })
}
