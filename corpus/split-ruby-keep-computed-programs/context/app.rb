require 'sinatra'

get '/' do
  system(ENV.fetch('HOOK'))
  'done'
end
