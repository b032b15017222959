; `resource "type" "name"` is known by its name, `variable "name"` too
(block (identifier) @_kind (string_lit) (string_lit (template_literal) @name)
  (#any-of? @_kind "resource" "data")) @variable
(block (identifier) @_kind (string_lit (template_literal) @name)
  (#any-of? @_kind "variable" "output")) @variable
(block (identifier) @_kind (string_lit (template_literal) @name)
  (#eq? @_kind "module")) @module
(block (identifier) @_kind (body (attribute . (identifier) @name) @constant)
  (#eq? @_kind "locals"))

; no code
[(comment) (template_literal)] @text
