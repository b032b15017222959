; everything is a call of a macro
(call target: (identifier) @_def (arguments . (alias) @name)
  (#any-of? @_def "defmodule" "defprotocol")) @module
(call target: (identifier) @_def (arguments . (alias) @name)
  (#eq? @_def "defimpl")) @scope
(call target: (identifier) @_def
  (arguments . [
    (identifier) @name
    (call target: (identifier) @name)
    (binary_operator left: (call target: (identifier) @name) operator: "when")
  ])
  (#any-of? @_def "def" "defp" "defdelegate" "defguard" "defguardp" "defn")) @function
(call target: (identifier) @_def
  (arguments . [
    (identifier) @name
    (call target: (identifier) @name)
    (binary_operator left: (call target: (identifier) @name) operator: "when")
  ])
  (#any-of? @_def "defmacro" "defmacrop")) @macro

; no code
[(comment) (quoted_content) (charlist)] @text
