use std::collections::HashMap;

use super::*;

fn check(path: &str, head: &str, expected: Option<&str>) {
    let found = detect(path, head.as_bytes()).map(|language| language.name);
    assert_eq!(found, expected, "{path} {head:?}");
}

#[test]
fn files_are_detected() {
    check("src/main.rs", "", Some("Rust"));
    check("a/b/MAIN.RS", "", Some("Rust"));
    check("Makefile", "", Some("Makefile"));
    check("deep/Dockerfile", "", Some("Dockerfile"));
    check("api.dockerfile", "", Some("Dockerfile"));
    check("index.d.ts", "", Some("TypeScript"));
    check("a.cmake.in", "", Some("CMake"));
    check("view.tsx", "", Some("TSX"));
    check("strings.ts", "<?xml version=\"1.0\"?><TS>", Some("XML"));
    check("vmlinux.lds.S", "", Some("Linker Script"));
    check("entry.S", "", Some("Assembly"));
    check("noextension", "", None);
    check("x.unknownext", "", None);
    check("", "", None);
    check("dir/", "", None);
    check(".", "", None);
}

#[test]
fn headers_tell_c_from_cpp() {
    check("a.h", "#include <stdio.h>\nstruct foo { int x; };\n", Some("C"));
    check("a.h", "struct foo {\n\t/* private: for the core */\n\tint x;\n};\n", Some("C"));
    check("a.h", "#pragma once\nnamespace foo {\n}\n", Some("C++"));
    check("a.h", "#pragma once\nstruct foo {\n public:\n  int x;\n};\n", Some("C++"));
    check("a.h", "#import <Foundation/Foundation.h>\n@interface Foo\n@end\n", Some("Objective-C"));
}

#[test]
fn shebangs_are_read() {
    check("tool", "#!/bin/sh\n", Some("Shell"));
    check("tool", "#!/usr/bin/env python3.11\n", Some("Python"));
    check("tool", "#!/usr/bin/env -S NODE_ENV=x node --flag\n", Some("JavaScript"));
    check("tool", "#! /usr/bin/perl -w\n", Some("Perl"));
    check("tool", "#!/opt/bin/lua5.4", Some("Lua"));
    check("tool", "#!\n", None);
    check("tool", "#!/usr/bin/env\n", None);
    check("tool.py", "#!/bin/sh\n", Some("Python"));
}

#[test]
fn languages_are_found_by_any_name() {
    for (name, expected) in [
        ("rs", "Rust"),
        ("rust", "Rust"),
        ("Rust", "Rust"),
        (".rs", "Rust"),
        (" RUST ", "Rust"),
        ("c", "C"),
        ("h", "C"),
        ("cpp", "C++"),
        ("c++", "C++"),
        ("c#", "C#"),
        ("cs", "C#"),
        ("golang", "Go"),
        ("bash", "Shell"),
        ("py", "Python"),
        ("tsx", "TSX"),
        ("objective-c", "Objective-C"),
    ] {
        assert_eq!(find_language(name).map(|language| language.name), Some(expected), "{name}");
    }
    assert_eq!(find_language("klingon"), None);
    assert_eq!(find_language(""), None);
    assert_eq!(find_language("."), None);
}

#[test]
fn no_name_stands_for_two_languages() {
    let columns: [fn(&Language) -> &'static [&'static str]; 4] =
        [|one| one.aliases, |one| one.extensions, |one| one.file_names, |one| one.interpreters];
    for column in columns {
        let mut owners = HashMap::new();
        for language in LANGUAGES {
            for name in column(language) {
                let other = owners.insert(*name, language.name);
                assert_eq!(other, None, "{name} of {}", language.name);
            }
        }
    }
}

#[test]
fn every_own_name_finds_its_language() {
    for language in LANGUAGES {
        assert_eq!(find_language(language.name), Some(language));
        for alias in language.aliases {
            assert_eq!(find_language(alias), Some(language), "{alias}");
        }
    }
    assert!(LANGUAGES.len() >= 80);
    assert!(LANGUAGES.windows(2).all(|pair| pair[0].name < pair[1].name));
}
