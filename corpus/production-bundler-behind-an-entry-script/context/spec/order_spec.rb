require "rspec/core"
