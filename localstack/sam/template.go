package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/template"
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
	functions, err := template.Parse(stack)
	if err != nil {
		return document{}, err
	}
	out := document{
		AWSTemplateFormatVersion: "2010-09-09",
		Transform:                "AWS::Serverless-2016-10-31",
		Resources:                make(map[string]function),
	}
	for program, f := range functions {
		maps.Copy(f.Environment, variables)
		out.Resources[f.ID] = function{Type: "AWS::Serverless::Function", Properties: properties{
			CodeUri: program, Handler: f.Handler, Runtime: f.Runtime,
			Architectures: []string{architecture}, MemorySize: f.MemoryMB, Timeout: int(f.Timeout.Seconds()),
			Environment: environment{f.Environment},
		}}
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
