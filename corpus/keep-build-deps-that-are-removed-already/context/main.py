import bcrypt
