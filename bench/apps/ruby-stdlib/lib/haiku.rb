require "erb"
require "yaml"

class Haiku
  def self.load(path)
    new(YAML.safe_load(File.read(path)))
  end

  def initialize(all)
    @all = all
  end

  def about(name)
    lines = @all.fetch(name, @all.fetch("pond"))
    ERB.new("<% lines.each do |line| %><%= line %>\n<% end %>").result(binding)
  end
end
