//! Looks at a component without running, compiling or even validating it: what it exports, what it wants, what it is.
//!
//! This reads the bytes once, in the host's own process, so it only walks the sections. Whether their content is valid is for the compiler
//! in its own process to find out, and whether the types fit for [`Sandbox::check`](crate::Sandbox::check).

use std::collections::BTreeSet;

use wasmparser::{Encoding, Parser, Payload};

use crate::{Point, Sha256, text};

/// The longest component that is looked at: one from Python, with its interpreter, takes 18 MB.
pub const MOST_COMPONENT_BYTES: usize = 32 << 20;
/// The package of the interfaces between host and hook.
const PACKAGE: &str = "pressroom:hooks";
/// The versions of it that this host speaks, as major and minor.
const SPOKEN: [(u64, u64); 1] = [(0, 1)];
/// The interfaces of it that a hook may import; `types` has no functions.
const IMPORTS: [&str; 7] = ["archive", "config", "log", "signing", "staging", "state", "types"];
/// The packages of WASI 0.2 that languages' own libraries want. They are there, but empty: no folder, no name, no address.
const WASI_PACKAGES: [&str; 6] =
    ["wasi:cli", "wasi:clocks", "wasi:filesystem", "wasi:io", "wasi:random", "wasi:sockets"];
/// The package of requests to servers, and what of it a hook may import. They are asked by the host, where the operator lets it.
const HTTP_PACKAGE: &str = "wasi:http";
const HTTP_IMPORTS: [&str; 2] = ["outgoing-handler", "types"];
/// How deep components may be within components.
const MOST_DEPTH: usize = 16;

/// What a component is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The points that it exports, in the order of a run.
    pub points: Vec<Point>,
    /// The interfaces of `pressroom:hooks` that it imports, by name, sorted: `archive`, `log`. `types` is left out. `http` stands for
    /// `wasi:http/outgoing-handler`, since a grant names it like the others.
    pub imports: Vec<String>,
    /// The interfaces of WASI that it imports, with their versions, sorted: `wasi:cli/environment@0.2.6`.
    pub wasi_imports: Vec<String>,
    /// The versions of `pressroom:hooks` that it was made with, sorted: one as a rule.
    pub versions: Vec<String>,
    /// How many linear memories are in it.
    pub memories: u32,
    /// Its size.
    pub size_bytes: u64,
    /// Its digest.
    pub sha256: Sha256,
}

/// Why bytes are no hook for this host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// Longer than [`MOST_COMPONENT_BYTES`].
    #[error("it is longer than {MOST_COMPONENT_BYTES} bytes")]
    TooLarge,
    /// ELF: an executable, a library, or an artefact of the compiler.
    #[error("it is native code, not a WASM component: add the component, the host compiles it itself")]
    Native,
    /// Something else.
    #[error("it is not WASM")]
    NotWasm,
    /// A module without the component's shell.
    #[error(
        "it is a core module, not a component: build it for wasm32-wasip2, or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    /// Cut off or broken.
    #[error("it is broken: {0}")]
    Malformed(String),
    /// No point at all.
    #[error("it exports none of pre-publication, post-publication and finalize")]
    NoPoints,
    /// A version of the interfaces that this host does not speak.
    #[error("{0} is of a version that this host does not speak: it speaks 0.1")]
    OtherVersion(String),
    /// Something that this host does not have.
    #[error("it imports {0}, which this host does not have")]
    UnknownImport(String),
    /// A point that this host does not have.
    #[error("it exports {0}, which is no point of this host")]
    UnknownExport(String),
}

/// Looks at the bytes of a component.
///
/// # Errors
/// When they are no component, or one that this host cannot run.
pub fn inspect(component: &[u8]) -> Result<Inspection, InspectError> {
    if component.len() > MOST_COMPONENT_BYTES {
        return Err(InspectError::TooLarge);
    }
    if component.starts_with(b"\x7fELF") {
        return Err(InspectError::Native);
    }
    if !component.starts_with(b"\0asm") {
        return Err(InspectError::NotWasm);
    }
    let mut found = Found::default();
    let mut depth = 0;
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other sections are for the compiler to judge")]
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(malformed)? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err(InspectError::CoreModule);
            }
            Payload::Version { .. } => {
                depth += 1;
                if depth > MOST_DEPTH {
                    return Err(InspectError::Malformed(
                        "components within components without end".to_owned(),
                    ));
                }
            }
            Payload::End(_) => depth -= 1,
            Payload::MemorySection(memories) => {
                found.memories = found.memories.saturating_add(memories.count());
            }
            Payload::ComponentImportSection(imports) if depth == 1 => {
                for import in imports {
                    found.import(import.map_err(malformed)?.name.name)?;
                }
            }
            Payload::ComponentExportSection(exports) if depth == 1 => {
                for export in exports {
                    found.export(export.map_err(malformed)?.name.name)?;
                }
            }
            _ => {}
        }
    }
    if depth != 0 {
        return Err(InspectError::Malformed("it is cut off".to_owned()));
    }
    if found.points.is_empty() {
        return Err(InspectError::NoPoints);
    }
    Ok(Inspection {
        points: found.points.into_iter().collect(),
        imports: found.imports.into_iter().collect(),
        wasi_imports: found.wasi_imports.into_iter().collect(),
        versions: found.versions.into_iter().collect(),
        memories: found.memories,
        size_bytes: component.len() as u64,
        sha256: Sha256::of(component),
    })
}

#[derive(Default)]
struct Found {
    points: BTreeSet<Point>,
    imports: BTreeSet<String>,
    wasi_imports: BTreeSet<String>,
    versions: BTreeSet<String>,
    memories: u32,
}

impl Found {
    fn import(&mut self, name: &str) -> Result<(), InspectError> {
        let unknown = || InspectError::UnknownImport(text::one_line(name));
        let Some(id) = InterfaceId::parse(name) else { return Err(unknown()) };
        if id.package == PACKAGE {
            if !IMPORTS.contains(&id.interface) {
                return Err(unknown());
            }
            self.version(name, &id)?;
            if id.interface != "types" {
                self.imports.insert(id.interface.to_owned());
            }
        } else if WASI_PACKAGES.contains(&id.package) && id.major_and_minor() == Some((0, 2)) {
            self.wasi_imports.insert(name.to_owned());
        } else if id.package == HTTP_PACKAGE
            && HTTP_IMPORTS.contains(&id.interface)
            && id.major_and_minor() == Some((0, 2))
        {
            self.wasi_imports.insert(name.to_owned());
            if id.interface == "outgoing-handler" {
                self.imports.insert("http".to_owned());
            }
        } else {
            return Err(unknown());
        }
        Ok(())
    }

    fn export(&mut self, name: &str) -> Result<(), InspectError> {
        // Kits of other languages leave exports of their own, which nobody calls.
        let Some(id) = InterfaceId::parse(name).filter(|id| id.package == PACKAGE) else { return Ok(()) };
        self.version(name, &id)?;
        let point = id.interface.parse().map_err(|_| InspectError::UnknownExport(text::one_line(name)))?;
        self.points.insert(point);
        Ok(())
    }

    fn version(&mut self, name: &str, id: &InterfaceId<'_>) -> Result<(), InspectError> {
        match id.major_and_minor() {
            Some(version) if SPOKEN.contains(&version) => {
                self.versions.insert(id.version.to_owned());
                Ok(())
            }
            _ => Err(InspectError::OtherVersion(text::one_line(name))),
        }
    }
}

/// `namespace:package/interface@version`.
struct InterfaceId<'name> {
    package: &'name str,
    interface: &'name str,
    version: &'name str,
}

impl<'name> InterfaceId<'name> {
    fn parse(name: &'name str) -> Option<Self> {
        let (path, version) = name.split_once('@').unwrap_or((name, ""));
        let (package, interface) = path.split_once('/')?;
        Some(Self { package, interface, version })
    }

    /// Nothing if the version is not three numbers: a draft matches exactly or not at all, so there is nobody to speak it.
    fn major_and_minor(&self) -> Option<(u64, u64)> {
        let mut numbers = self.version.split('.').map(|number| number.parse::<u64>().ok());
        match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
            (Some(Some(major)), Some(Some(minor)), Some(Some(_)), None) => Some((major, minor)),
            _ => None,
        }
    }
}

fn malformed(error: wasmparser::BinaryReaderError) -> InspectError {
    InspectError::Malformed(text::one_line(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(text: &str) -> Vec<u8> {
        wat::parse_str(format!("(component {text})")).unwrap()
    }

    /// A component that exports an instance of this name, with nothing in it.
    fn exporting(name: &str) -> String {
        format!(r#"(instance) (export "{name}" (instance 0))"#)
    }

    #[test]
    fn sees_points_imports_and_memories() {
        let bytes = component(&format!(
            r#"(import "pressroom:hooks/types@0.1.0" (instance))
               (import "pressroom:hooks/log@0.1.3" (instance))
               (import "wasi:cli/environment@0.2.6" (instance))
               (core module (memory 1)) (core module (memory 1) (memory 1))
               {} {} {}"#,
            r#"(instance $f) (export "pressroom:hooks/finalize@0.1.0" (instance $f))"#,
            r#"(instance $p) (export "pressroom:hooks/pre-publication@0.1.0" (instance $p))"#,
            r#"(instance $s) (export "init" (instance $s))"#,
        ));
        let inspection = inspect(&bytes).unwrap();
        assert_eq!(inspection.points, [Point::PrePublication, Point::Finalize]);
        assert_eq!(inspection.imports, ["log"]);
        assert_eq!(inspection.wasi_imports, ["wasi:cli/environment@0.2.6"]);
        assert_eq!(inspection.versions, ["0.1.0", "0.1.3"]);
        assert_eq!(inspection.memories, 3);
        assert_eq!(inspection.size_bytes, bytes.len() as u64);
        assert_eq!(inspection.sha256, Sha256::of(&bytes));
    }

    #[test]
    fn http_is_a_capability_like_the_others() {
        let bytes = component(&format!(
            r#"(import "wasi:http/types@0.2.0" (instance)) {}"#,
            exporting("pressroom:hooks/finalize@0.1.0")
        ));
        let inspection = inspect(&bytes).unwrap();
        assert!(inspection.imports.is_empty(), "{inspection:?}");
        let bytes = component(&format!(
            r#"(import "wasi:http/types@0.2.12" (instance)) (import "wasi:http/outgoing-handler@0.2.12" (instance)) {}"#,
            exporting("pressroom:hooks/finalize@0.1.0")
        ));
        let inspection = inspect(&bytes).unwrap();
        assert_eq!(inspection.imports, ["http"]);
        assert_eq!(inspection.wasi_imports, ["wasi:http/outgoing-handler@0.2.12", "wasi:http/types@0.2.12"]);
    }

    #[test]
    fn refuses_what_is_no_component() {
        assert_eq!(inspect(b""), Err(InspectError::NotWasm));
        assert_eq!(inspect(b"#!/bin/sh\n"), Err(InspectError::NotWasm));
        assert_eq!(inspect(b"\x7fELF\x02\x01\x01"), Err(InspectError::Native));
        assert_eq!(inspect(&wat::parse_str("(module)").unwrap()), Err(InspectError::CoreModule));
        assert_eq!(inspect(&vec![0; MOST_COMPONENT_BYTES + 1]), Err(InspectError::TooLarge));
        assert!(matches!(inspect(b"\0asm"), Err(InspectError::Malformed(_))));
        assert!(matches!(inspect(b"\0asm\xff\xff\xff\xff"), Err(InspectError::Malformed(_))));
    }

    #[test]
    fn refuses_every_truncation() {
        let bytes = component(&exporting("pressroom:hooks/finalize@0.1.0"));
        assert!(inspect(&bytes).is_ok());
        for length in 0..bytes.len() {
            assert!(inspect(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
        }
    }

    #[test]
    fn refuses_other_versions_and_strangers() {
        let refusal = |text: &str| inspect(&component(text)).unwrap_err();
        assert_eq!(refusal(""), InspectError::NoPoints);
        for name in [
            "pressroom:hooks/finalize@0.2.0",
            "pressroom:hooks/finalize@1.1.0",
            "pressroom:hooks/finalize@0.1.0-rc1",
        ] {
            assert_eq!(refusal(&exporting(name)), InspectError::OtherVersion(name.into()));
        }
        let name = "pressroom:hooks/embargo@0.1.0";
        assert_eq!(refusal(&exporting(name)), InspectError::UnknownExport(name.into()));
        for name in [
            "wasi:http/incoming-handler@0.2.0",
            "wasi:http/outgoing-handler@0.3.0",
            "wasi:http/client@0.2.0",
            "wasi:cli/environment@0.3.0",
            "pressroom:hooks/network@0.1.0",
            "example:other/thing@0.1.0",
            "plain",
        ] {
            let text =
                format!(r#"(import "{name}" (instance)) {}"#, exporting("pressroom:hooks/finalize@0.1.0"));
            assert_eq!(refusal(&text), InspectError::UnknownImport(name.into()));
        }
        let text = format!(
            r#"(import "pressroom:hooks/log@0.2.0" (instance)) {}"#,
            exporting("pressroom:hooks/finalize@0.1.0")
        );
        assert_eq!(refusal(&text), InspectError::OtherVersion("pressroom:hooks/log@0.2.0".into()));
    }
}
