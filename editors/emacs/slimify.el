;;; slimify.el --- slimify for Dockerfiles, by eglot  -*- lexical-binding: t -*-

;; Load this file, in Emacs 29 or later, or in an older one with eglot from ELPA.
;; Diagnostics and code actions come by themselves; saving formats at level "safe".

(require 'eglot)

(defvar slimify-format-on-save t
  "Whether a Dockerfile is formatted when it is saved.")

;; dockerfile-mode comes from MELPA, dockerfile-ts-mode with Emacs 29. Where there is neither:
(unless (or (fboundp 'dockerfile-mode) (fboundp 'dockerfile-ts-mode))
  (define-derived-mode dockerfile-mode prog-mode "Dockerfile"
    (setq-local comment-start "# ")))

(dolist (mode '(dockerfile-mode dockerfile-ts-mode))
  (when (fboundp mode)
    (add-to-list 'auto-mode-alist
                 (cons "\\(?:/\\|\\`\\)\\(?:Docker\\|Container\\)file\\(?:\\.[^/]*\\)?\\'" mode))
    (add-to-list 'eglot-server-programs (cons mode '("slimify" "lsp")))
    (let ((hook (intern (format "%s-hook" mode))))
      (add-hook hook #'eglot-ensure)
      (add-hook hook #'slimify--before-save))))

(defun slimify--before-save ()
  "Format the buffer whenever it is saved."
  (add-hook 'before-save-hook #'slimify--format nil t))

(defun slimify--format ()
  "Let the server format the buffer, if it is there."
  (when (and slimify-format-on-save (eglot-current-server))
    (eglot-format-buffer)))

(provide 'slimify)
;;; slimify.el ends here
