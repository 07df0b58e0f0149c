//! Looks at a component without running, compiling or even validating it: what it exports, what it wants, what it is.
//!
//! This reads the bytes once, in the host's own process, so it only walks the sections. Whether their content is valid is for the compiler
//! in its own process to find out, and whether the types fit for [`Sandbox::check`](crate::Sandbox::check).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use wasmparser::{
    BinaryReader, ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind, ComponentType,
    ComponentTypeRef, Encoding, KnownCustom, Parser, Payload,
};

use crate::{HostVersion, Point, Sha256, text};

/// The longest component that is looked at: one from Python, with its interpreter, takes 18 MB.
pub const MOST_COMPONENT_BYTES: usize = 32 << 20;
/// The package of the interfaces between host and hook.
const PACKAGE: &str = "pressroom:hooks";
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
    /// The functions that it wants of each of these interfaces, as the component names them, sorted: `[method]change-set.next`. An interface is missing
    /// where the types around it are too intricate to be read without validating them.
    pub functions: BTreeMap<String, Vec<String>>,
    /// Everything that it exports, sorted; what is no point is called by nobody.
    pub exports: Vec<String>,
    /// What it says of how it was made, sorted.
    pub producers: Vec<Producer>,
    /// How many linear memories are in it.
    pub memories: u32,
    /// Its size.
    pub size_bytes: u64,
    /// Its digest.
    pub sha256: Sha256,
}

/// A word of a component about its making. Nobody vouches for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub field: String,
    /// `Rust`, `rustc`, `wit-component`.
    pub name: String,
    /// May be empty.
    pub version: String,
}

/// What a component is, and everything about it that a host does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    /// What it is; what the host does not know is left out of it.
    pub inspection: Inspection,
    /// Why the host cannot run it, in the order of the file; empty: it can.
    pub problems: Vec<InspectError>,
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
    #[error("{name} is of a version that this host does not speak: it speaks {spoken}")]
    OtherVersion {
        /// The interface.
        name: String,
        /// The versions that the host speaks.
        spoken: String,
    },
    /// Something that this host does not have.
    #[error("it imports {0}, which this host does not have")]
    UnknownImport(String),
    /// A function that an interface does not have in this host.
    #[error("it wants the function {function} of {interface}, which this host does not have")]
    UnknownFunction {
        /// The interface.
        interface: String,
        /// The function.
        function: String,
    },
    /// A point that this host does not have.
    #[error("it exports {0}, which is no point of this host")]
    UnknownExport(String),
}

/// Looks at the bytes of a component.
///
/// # Errors
/// When they are no component, or one that this host cannot run: the first reason.
pub fn inspect(component: &[u8]) -> Result<Inspection, InspectError> {
    let Examination { inspection, problems } = examine(component, HostVersion::this())?;
    problems.into_iter().next().map_or(Ok(inspection), Err)
}

/// Looks at the bytes of a component, and holds them against a version of the host: all that it does not have.
///
/// # Errors
/// When they are no component that can be read at all.
pub fn examine(component: &[u8], host: &HostVersion) -> Result<Examination, InspectError> {
    if component.len() > MOST_COMPONENT_BYTES {
        return Err(InspectError::TooLarge);
    }
    if component.starts_with(b"\x7fELF") {
        return Err(InspectError::Native);
    }
    if !component.starts_with(b"\0asm") {
        return Err(InspectError::NotWasm);
    }
    let mut found = Found::new(host);
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
            Payload::ComponentTypeSection(types) if depth == 1 => {
                found.types.section(component, types.range());
            }
            Payload::ComponentAliasSection(aliases) if depth == 1 => {
                for alias in aliases {
                    found.types.alias(&alias.map_err(malformed)?);
                }
            }
            Payload::ComponentImportSection(imports) if depth == 1 => {
                for import in imports {
                    let import = import.map_err(malformed)?;
                    found.import(import.name.name, &import.ty);
                }
            }
            Payload::ComponentExportSection(exports) if depth == 1 => {
                for export in exports {
                    let export = export.map_err(malformed)?;
                    found.export(export.name.name, export.kind);
                }
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Producers(fields) = section.as_known() {
                    found.producers(fields);
                }
            }
            _ => {}
        }
    }
    if depth != 0 {
        return Err(InspectError::Malformed("it is cut off".to_owned()));
    }
    if found.points.is_empty() {
        found.problem(InspectError::NoPoints);
    }
    Ok(Examination {
        inspection: Inspection {
            points: found.points.into_iter().collect(),
            imports: found.imports.into_iter().collect(),
            wasi_imports: found.wasi_imports.into_iter().collect(),
            versions: found.versions.into_iter().collect(),
            functions: found.functions,
            exports: found.exports.into_iter().collect(),
            producers: found.producers.into_iter().collect(),
            memories: found.memories,
            size_bytes: component.len() as u64,
            sha256: Sha256::of(component),
        },
        problems: found.problems,
    })
}

/// So many problems are told of one component.
const MOST_PROBLEMS: usize = 100;
/// So many exports and producers are told of one component, and so much of a producer's words.
const MOST_WORDS: usize = 200;
const MOST_WORD_BYTES: usize = 100;

struct Found<'host> {
    host: &'host HostVersion,
    types: Types,
    points: BTreeSet<Point>,
    imports: BTreeSet<String>,
    wasi_imports: BTreeSet<String>,
    versions: BTreeSet<String>,
    functions: BTreeMap<String, Vec<String>>,
    exports: BTreeSet<String>,
    producers: BTreeSet<Producer>,
    memories: u32,
    problems: Vec<InspectError>,
}

impl<'host> Found<'host> {
    fn new(host: &'host HostVersion) -> Self {
        Self {
            host,
            types: Types::default(),
            points: BTreeSet::new(),
            imports: BTreeSet::new(),
            wasi_imports: BTreeSet::new(),
            versions: BTreeSet::new(),
            functions: BTreeMap::new(),
            exports: BTreeSet::new(),
            producers: BTreeSet::new(),
            memories: 0,
            problems: Vec::new(),
        }
    }

    fn problem(&mut self, problem: InspectError) {
        if self.problems.len() < MOST_PROBLEMS && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn import(&mut self, name: &str, kind: &ComponentTypeRef) {
        if matches!(kind, ComponentTypeRef::Type(_)) {
            self.types.push(None);
        }
        let unknown = || InspectError::UnknownImport(text::one_line(name));
        let Some(id) = InterfaceId::parse(name) else { return self.problem(unknown()) };
        if id.package == PACKAGE {
            let Some(interface) = self.host.interface(id.interface) else { return self.problem(unknown()) };
            if !self.version(name, &id) || interface.functions.is_empty() {
                return;
            }
            self.imports.insert(id.interface.to_owned());
            if let Some(functions) = self.types.functions_of(kind) {
                let mut wanted: Vec<String> =
                    functions.iter().map(|function| text::one_line(function)).collect();
                wanted.sort();
                for function in &wanted {
                    if !interface.functions.contains(&function.as_str()) {
                        self.problem(InspectError::UnknownFunction {
                            interface: id.interface.to_owned(),
                            function: function.clone(),
                        });
                    }
                }
                self.functions.insert(id.interface.to_owned(), wanted);
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
            self.problem(unknown());
        }
    }

    fn export(&mut self, name: &str, kind: ComponentExternalKind) {
        if kind == ComponentExternalKind::Type {
            self.types.push(None);
        }
        if self.exports.len() < MOST_WORDS {
            self.exports.insert(text::one_line(text::clip(name, MOST_WORD_BYTES)));
        }
        // Kits of other languages leave exports of their own, which nobody calls.
        let Some(id) = InterfaceId::parse(name).filter(|id| id.package == PACKAGE) else { return };
        if !self.version(name, &id) {
            return;
        }
        match id.interface.parse() {
            Ok(point) if self.host.points.contains(&point) => {
                self.points.insert(point);
            }
            _ => self.problem(InspectError::UnknownExport(text::one_line(name))),
        }
    }

    /// Whether the host speaks this version.
    fn version(&mut self, name: &str, id: &InterfaceId<'_>) -> bool {
        let spoken = id.major_and_minor().is_some_and(|version| self.host.wit.contains(&version));
        if spoken {
            self.versions.insert(id.version.to_owned());
        } else {
            let spoken = self.host.spoken();
            self.problem(InspectError::OtherVersion { name: text::one_line(name), spoken });
        }
        spoken
    }

    /// What cannot be read is left out: these words are for people.
    fn producers(&mut self, fields: wasmparser::ProducersSectionReader<'_>) {
        let short = |text: &str| text::one_line(text::clip(text, MOST_WORD_BYTES));
        for field in fields.into_iter().flatten() {
            for value in field.values.into_iter().flatten() {
                if self.producers.len() >= MOST_WORDS {
                    return;
                }
                self.producers.insert(Producer {
                    field: field.name.to_owned(),
                    name: short(value.name),
                    version: short(value.version),
                });
            }
        }
    }
}

/// The types of a component, by index: of those of instances, which functions they have.
#[derive(Default)]
struct Types {
    functions: Vec<Option<Vec<String>>>,
    /// A type was met that cannot be read here: what stands behind it cannot be counted.
    lost: bool,
}

impl Types {
    fn push(&mut self, functions: Option<Vec<String>>) {
        self.functions.push(functions);
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) {
        let is_type = match alias {
            ComponentAlias::InstanceExport { kind, .. } => *kind == ComponentExternalKind::Type,
            ComponentAlias::Outer { kind, .. } => *kind == ComponentOuterAliasKind::Type,
            ComponentAlias::CoreInstanceExport { .. } => false,
        };
        if is_type {
            self.push(None);
        }
    }

    fn functions_of(&self, kind: &ComponentTypeRef) -> Option<&Vec<String>> {
        let ComponentTypeRef::Instance(index) = kind else { return None };
        if self.lost { None } else { self.functions.get(*index as usize)?.as_ref() }
    }

    /// A section of types. The reader of the library calls itself for a type within a type, as deep as the file says, so types of components and of
    /// instances are walked here, one level deep, and a file that goes deeper is not followed.
    fn section(&mut self, component: &[u8], range: Range<usize>) {
        if self.lost {
            return;
        }
        let read = component.get(range.clone()).and_then(|bytes| {
            let mut reader = BinaryReader::new(bytes, range.start);
            let count = reader.read_var_u32().ok()?;
            (0..count).try_for_each(|_| {
                let functions = instance_or_flat(&mut reader)?;
                self.functions.push(functions);
                Some(())
            })
        });
        self.lost = read.is_none();
    }
}

/// The bytes that a type with others in it begins with.
const INSTANCE_TYPE: u8 = 0x42;
const COMPONENT_TYPE: u8 = 0x41;

/// Reads a type. Nothing: it cannot be read without going deeper. Within: the functions, if it is that of an instance.
fn instance_or_flat(reader: &mut BinaryReader<'_>) -> Option<Option<Vec<String>>> {
    match reader.clone().read_u8().ok()? {
        COMPONENT_TYPE => None,
        INSTANCE_TYPE => {
            reader.read_u8().ok()?;
            let mut functions = Vec::new();
            for _ in 0..reader.read_var_u32().ok()? {
                match reader.read_u8().ok()? {
                    0x01 => flat(reader)?,
                    0x02 => {
                        reader.read::<ComponentAlias<'_>>().ok()?;
                    }
                    0x04 => {
                        let name = reader.read::<wasmparser::ComponentExternName<'_>>().ok()?;
                        if let ComponentTypeRef::Func(_) = reader.read::<ComponentTypeRef>().ok()? {
                            functions.push(name.name.to_owned());
                        }
                    }
                    // a core type, which no instance of an interface has
                    _ => return None,
                }
            }
            Some(Some(functions))
        }
        _ => flat(reader).map(|()| None),
    }
}

/// Reads a type that has no types in it.
fn flat(reader: &mut BinaryReader<'_>) -> Option<()> {
    match reader.clone().read_u8().ok()? {
        COMPONENT_TYPE | INSTANCE_TYPE => None,
        _ => reader.read::<ComponentType<'_>>().ok().map(drop),
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
            assert_eq!(refusal(&exporting(name)), other_version(name));
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
        assert_eq!(refusal(&text), other_version("pressroom:hooks/log@0.2.0"));
    }

    fn other_version(name: &str) -> InspectError {
        InspectError::OtherVersion { name: name.into(), spoken: "0.1".into() }
    }

    #[test]
    fn tells_everything_that_a_host_does_not_have_at_once() {
        let bytes = component(
            r#"(import "wasi:keyvalue/store@0.2.0" (instance))
               (import "pressroom:hooks/log@0.2.0" (instance))
               (import "pressroom:hooks/state@0.1.0" (instance
                 (export "get" (func)) (export "rename" (func)) (export "entry" (type (sub resource)))))
               (instance $f) (export "pressroom:hooks/embargo@0.1.0" (instance $f))"#,
        );
        let examination = examine(&bytes, HostVersion::this()).unwrap();
        let said: Vec<String> = examination.problems.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 5, "{said:#?}");
        for (problem, word) in
            said.iter().zip(["keyvalue", "log@0.2.0", "rename of state", "embargo", "none of"])
        {
            assert!(problem.contains(word), "{problem}");
        }
        assert_eq!(examination.inspection.functions["state"], ["get", "rename"]);
        assert!(inspect(&bytes).is_err());
    }

    #[test]
    fn a_host_that_speaks_more_takes_what_this_one_refuses() {
        static MORE: HostVersion = HostVersion {
            version: "9.9.9",
            wit: &[(0, 1), (0, 2)],
            interfaces: &[crate::Interface { name: "state", functions: &["get", "rename"] }],
            points: &[Point::Finalize],
        };
        let bytes = component(
            r#"(import "pressroom:hooks/state@0.2.0" (instance (export "rename" (func))))
               (instance $f) (export "pressroom:hooks/finalize@0.2.0" (instance $f))"#,
        );
        assert_eq!(examine(&bytes, &MORE).unwrap().problems, []);
        assert_eq!(examine(&bytes, HostVersion::this()).unwrap().problems.len(), 3);
        let bytes =
            component(r#"(instance $f) (export "pressroom:hooks/pre-publication@0.1.0" (instance $f))"#);
        assert_eq!(examine(&bytes, HostVersion::this()).unwrap().problems, []);
        assert!(matches!(examine(&bytes, &MORE).unwrap().problems[0], InspectError::UnknownExport(_)));
    }

    #[test]
    fn types_within_types_without_end_are_not_followed() {
        // a section of one type: of a component, with a type of a component in it, and so on
        let mut section = vec![1];
        for _ in 0..200_000 {
            section.extend([0x41, 1, 1]);
        }
        let mut bytes = b"\0asm\x0d\0\x01\0\x07".to_vec();
        let mut length = section.len();
        while length >= 0x80 {
            bytes.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend(section);
        assert_eq!(inspect(&bytes), Err(InspectError::NoPoints));
    }
}
