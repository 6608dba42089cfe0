require "byebug"

Rails.application.configure do
  config.file_watcher = ActiveSupport::EventedFileUpdateChecker
end
