// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"lastpage/kernels/names"
	"lastpage/lab/bench"
	"lastpage/lab/qemu"
)

// written is an error of the YAML library with its place and the lines around it, in words for who wrote them.
func written(err error) error {
	text := yaml.FormatError(err, false, true)
	first, around, _ := strings.Cut(text, "\n")
	place, said, ok := strings.Cut(first, "] ")
	if !ok {
		return errors.New(text)
	}
	var unknown *yaml.UnknownFieldError
	var wrong *yaml.TypeError
	var other *yaml.UnexpectedNodeTypeError
	switch {
	case errors.As(err, &unknown):
		said = fmt.Sprintf("key %q: there is none of that name here", unknown.Token.Value)
		if known := keys(); slices.Contains(known, unknown.Token.Value) {
			said += ", only in another part of an entry (lab/boards.example.yaml has every key at its place)"
		} else if near := names.Near(unknown.Token.Value, known); len(near) > 0 {
			said += "; did you mean " + strings.Join(near, ", or ") + "?"
		}
	case errors.As(err, &wrong):
		said = fmt.Sprintf("%s: want %s", wrong.Token.Value, kindWords(wrong.DstType))
	case errors.As(err, &other):
		switch other.Expected {
		case ast.SequenceType:
			said = "want a list, such as [a, b]"
		case ast.MappingType:
			said = "want keys with their values; an inventory begins with `boards:`"
		}
	case strings.Contains(said, "not allowed in this context"):
		said += ": put quotes around a value that has a quote, \": \" or \" #\" in it"
	case strings.Contains(said, `'	'`):
		said = "a tab: YAML is indented by spaces"
	}
	return fmt.Errorf("%s] %s\n%s", place, said, strings.TrimRight(around, "\n "))
}

// kindWords are a type of a value in words.
func kindWords(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a time with its unit, such as 30s or 3m"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Slice:
		return "a list, such as [a, b]"
	case t.Kind() == reflect.Struct, t.Kind() == reflect.Map:
		return "keys below it, each on a line of its own"
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64:
		return "a whole number, such as 115200 or 0x4000000"
	case t.Kind() == reflect.String:
		return "a text"
	}
	return "another kind of value"
}

// keys are all keys that an inventory may have, anywhere.
func keys() []string {
	all := []string{"boards"}
	for _, t := range []reflect.Type{reflect.TypeFor[Head](), reflect.TypeFor[qemu.Entry](), reflect.TypeFor[bench.Entry]()} {
		all = keysOf(all, t)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// keysOf adds those of a struct, and of what is in it.
func keysOf(all []string, t reflect.Type) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return all
	}
	for i := range t.NumField() {
		tag, ok := t.Field(i).Tag.Lookup("yaml")
		if !ok || tag == "-" {
			continue
		}
		if name, _, _ := strings.Cut(tag, ","); name != "" {
			all = append(all, name)
		}
		all = keysOf(all, t.Field(i).Type)
	}
	return all
}
