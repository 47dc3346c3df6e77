package admin

import (
	"reflect"
	"strings"
	"time"
)

// object is a JSON object.
type object = map[string]any

// Describe is the interface in OpenAPI 3.1, made of the very table that serves it.
func Describe() map[string]any {
	d := describer{object{}}
	paths := object{}
	for _, r := range routes() {
		entry, ok := paths[r.path].(object)
		if !ok {
			entry = object{}
			paths[r.path] = entry
		}
		entry[strings.ToLower(r.method)] = d.operation(&r)
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Meridian control", "version": "1",
			"description": "Watch and operate a running nameserver. On the socket in the state folder no token is needed.",
		},
		"paths": paths,
		"components": object{
			"schemas":         d.schemas,
			"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer"}},
		},
		"security": []any{object{"token": []any{}}},
	}
}

// describer collects the schemas of named types.
type describer struct{ schemas object }

func (d describer) operation(r *route) object {
	kind := "application/json"
	if r.metrics {
		kind = "text/plain"
	}
	if r.kind != "" {
		kind = r.kind
	}
	op := object{
		"summary": r.about, "description": "Needs the right to " + r.need.String() + ".",
		"responses": object{
			"200":     object{"description": "done", "content": object{kind: object{"schema": d.schema(typeOf(r.answer))}}},
			"default": object{"description": "refused", "content": object{"application/json": object{"schema": d.schema(typeOf(failure{}))}}},
		},
	}
	if params := parameters(r); len(params) > 0 {
		op["parameters"] = params
	}
	if r.body != nil {
		op["requestBody"] = object{
			"required": true, "content": object{r.wants(): object{"schema": d.schema(typeOf(r.body))}},
		}
	}
	return op
}

func parameters(r *route) []any {
	var list []any
	for part := range strings.SplitSeq(r.path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			list = append(list, object{"name": strings.TrimSuffix(name, "}"), "in": "path", "required": true, "schema": object{"type": "string"}})
		}
	}
	for _, q := range r.query {
		name, required := strings.CutSuffix(q, "*")
		list = append(list, object{"name": name, "in": "query", "required": required, "schema": object{"type": "string"}})
	}
	return list
}

// schema describes a type as encoding/json writes it.
func (d describer) schema(t reflect.Type) object {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[time.Duration]():
		return object{"type": "integer", "description": "nanoseconds"}
	}
	switch t.Kind() {
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Pointer:
		return object{"type": []any{d.schema(t.Elem())["type"], "null"}}
	case reflect.Slice:
		return object{"type": []any{"array", "null"}, "items": d.schema(t.Elem())}
	case reflect.Map:
		return object{"type": []any{"object", "null"}, "additionalProperties": t.Elem().Kind() == reflect.Interface || d.schema(t.Elem()) != nil}
	case reflect.Struct:
		return d.named(t)
	}
	return object{"type": "integer"}
}

func (d describer) named(t reflect.Type) object {
	ref := object{"$ref": "#/components/schemas/" + t.Name()}
	if _, known := d.schemas[t.Name()]; known {
		return ref
	}
	properties, required := object{}, []any{}
	d.schemas[t.Name()] = nil // while it is made, for types that hold themselves
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || !f.IsExported() || name == "" {
			continue
		}
		properties[name] = d.schema(f.Type)
		if options != "omitempty" {
			required = append(required, name)
		}
	}
	d.schemas[t.Name()] = object{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
	return ref
}
