package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// function is a function as SAM reads it.
type function struct {
	Type       string
	Properties properties
}

// properties are those of a function that decide how it runs here.
type properties struct {
	CodeUri       string
	Handler       string
	Runtime       string
	Architectures []string
	MemorySize    int
	Timeout       int
	Environment   environment
}

type environment struct {
	Variables map[string]string
}

// document is a template of SAM.
type document struct {
	AWSTemplateFormatVersion string
	Transform                string
	Resources                map[string]function
}

// derive makes from the stack's template, in JSON, one of its functions alone, as they can be run on
// this machine: with bootstraps of its architecture, which are below the folder that the
// result will be in, and with variables that say where table and bucket are. Those could
// not be given to SAM otherwise: it sets only variables that a template has.
func derive(stack []byte, architecture string, variables map[string]string) (document, error) {
	var in struct {
		Resources map[string]struct {
			Type       string
			Properties json.RawMessage
		}
	}
	if err := json.Unmarshal(stack, &in); err != nil {
		return document{}, fmt.Errorf("it is no template in JSON: %w", err)
	}
	out := document{
		AWSTemplateFormatVersion: "2010-09-09",
		Transform:                "AWS::Serverless-2016-10-31",
		Resources:                make(map[string]function),
	}
	for id, r := range in.Resources {
		if r.Type != "AWS::Lambda::Function" {
			continue
		}
		f := function{Type: "AWS::Serverless::Function"}
		var given struct {
			Handler, Runtime    string
			MemorySize, Timeout int
			Environment         struct{ Variables map[string]any }
		}
		if err := json.Unmarshal(r.Properties, &given); err != nil {
			return document{}, fmt.Errorf("%s: %w", id, err)
		}
		f.Properties = properties{
			CodeUri: strings.ToLower(id), Handler: given.Handler, Runtime: given.Runtime,
			Architectures: []string{architecture}, MemorySize: given.MemorySize, Timeout: given.Timeout,
			Environment: environment{make(map[string]string)},
		}
		for name, value := range given.Environment.Variables {
			if text, ok := value.(string); ok { // else it is filled in when it is deployed
				f.Properties.Environment.Variables[name] = text
			}
		}
		maps.Copy(f.Properties.Environment.Variables, variables)
		out.Resources[id] = f
	}
	if len(out.Resources) == 0 {
		return document{}, fmt.Errorf("it has no function (AWS::Lambda::Function)")
	}
	return out, nil
}

// check fails for a function that was not built into the folder of a template.
func (d document) check(dir string) error {
	for id, f := range d.Resources {
		if _, err := os.Stat(filepath.Join(dir, f.Properties.CodeUri, f.Properties.Handler)); err != nil {
			return fmt.Errorf("the function %s is not built: %w\nRun `make build-lambda`", id, err)
		}
	}
	return nil
}
