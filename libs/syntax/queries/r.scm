(binary_operator lhs: (identifier) @name operator: ["<-" "<<-" "="] rhs: (function_definition)) @function
(program (binary_operator lhs: (identifier) @name operator: ["<-" "="]) @variable)
(call function: (identifier) @_set
  arguments: (arguments . argument: (argument value: (string content: (string_content) @name)))
  (#any-of? @_set "setClass" "setRefClass" "R6Class")) @class
(call function: (identifier) @_set
  arguments: (arguments . argument: (argument value: (string content: (string_content) @name)))
  (#any-of? @_set "setGeneric" "setMethod")) @method

; no code
[(comment) (string_content)] @text
